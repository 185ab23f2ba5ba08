import type { FastifyInstance, FastifyReply } from "fastify";
import { GloveboxError } from "../../core/index.ts";
import type { createHandlers } from "./handlers/index.ts";
import { measureWebhooks } from "./measure-requests.ts";
import { type HandlerContext, partOf } from "./options.ts";
import { operationsWhere, registerOperation } from "./routes.ts";

/** GitHub sends no more: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap */
const MAX_BODY_BYTES = 25 * 2 ** 20;

/** Of all bodies that are being read at a time: nobody has proved anything yet. */
const MAX_HELD_BYTES = 8 * MAX_BODY_BYTES;

/** What forges call: no token, but a signature over exactly the bytes of the body. Who is too fast or does not sign is turned away before a body is read. */
export function registerWebhooks(
  scope: FastifyInstance,
  context: HandlerContext,
  handlers: ReturnType<typeof createHandlers>,
): void {
  scope.removeAllContentTypeParsers();
  let heldBytes = 0;
  const hold = (length: string | undefined, reply: FastifyReply) => {
    // One without a length may have as many as may be; one with too many is refused by its length alone.
    const bytes = Math.min(Number(length ?? MAX_BODY_BYTES), MAX_BODY_BYTES);
    if (heldBytes + bytes > MAX_HELD_BYTES) {
      const details = { retryAfterMs: 1000 };
      throw new GloveboxError("rate_limited", "too many large deliveries at the same time", { details });
    }
    heldBytes += bytes;
    reply.raw.once("close", () => {
      heldBytes -= bytes;
    });
  };
  const options = { parseAs: "buffer", bodyLimit: MAX_BODY_BYTES } as const;
  if (context.metrics !== undefined) measureWebhooks(scope, context.metrics);
  scope.addContentTypeParser("*", options, (_request, body, done) => done(null, body));
  scope.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id).header("x-content-type-options", "nosniff");
    if (context.draining.aborted) throw new GloveboxError("unavailable", "the server is shutting down");
    const forge = request.routeOptions.config.operation === "webhooks.gitea" ? "gitea" : "github";
    partOf(context, "webhooks").admit(forge, request.headers, request.ip);
    hold(request.headers["content-length"], reply);
  });
  for (const [id, operation] of operationsWhere(({ signed }) => signed === true)) {
    registerOperation(scope, id, operation, handlers, context);
  }
}
