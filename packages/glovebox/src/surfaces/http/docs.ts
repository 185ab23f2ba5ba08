import type { FastifyInstance } from "fastify";
import type { DocsPages } from "./docs-pages.ts";

/**
 * `/v1/openapi.json`, and the same rendered at `/docs` from files of our own: no request to any other host. Describing the whole table takes
 * longer than anything else at a server's start, so it is done when somebody first asks.
 */
export function registerDocs(app: FastifyInstance, version: string): void {
  let opening: Promise<DocsPages> | undefined;
  const pages = async (): Promise<DocsPages> => {
    const { openDocsPages } = await import("./docs-pages.ts");
    return await openDocsPages(version);
  };
  const open = (): Promise<DocsPages> => {
    opening ??= pages();
    return opening;
  };
  app.get("/v1/openapi.json", async (request, reply) => {
    const { openApi } = await open();
    return reply.header("x-request-id", request.id).type("application/json; charset=utf-8").send(openApi);
  });
  for (const url of ["/docs", "/docs/*"]) {
    app.get(url, async (request, reply) => {
      const { answer } = await open();
      reply.hijack();
      answer(request.raw, reply.raw);
    });
  }
  app.addHook("onClose", async () => {
    await (await opening?.catch(() => undefined))?.close();
  });
}
