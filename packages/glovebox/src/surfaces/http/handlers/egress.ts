import { GloveboxError } from "../../../core/index.ts";
import type { egressOperations } from "../../operations/egress.ts";
import type { HandlersOf } from "../call.ts";
import { type HandlerContext, partOf } from "../options.ts";

export function egressHandlers(context: HandlerContext): HandlersOf<typeof egressOperations> {
  return {
    "egress.test": async ({ principal, body }) => {
      const url = checkedUrl(body.url);
      const network =
        body.network ?? (await context.services.templates.get(principal.tenantId, body.template ?? "")).network;
      return await partOf(context, "egress").explain(network, { method: body.method, url });
    },
  };
}

function checkedUrl(text: string): string {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url !== null && isHttp && url.username === "" && url.password === "") return url.href;
  throw new GloveboxError("invalid_argument", "body: url: it must be an http or https URL without a password", {
    details: { in: "body", path: "url" },
  });
}
