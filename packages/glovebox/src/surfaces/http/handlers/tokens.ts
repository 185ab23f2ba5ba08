import { GloveboxError } from "../../../core/index.ts";
import type { tokenOperations } from "../../operations/tokens.ts";
import type { HandlersOf } from "../call.ts";
import { idempotencyKeyOf, once } from "../idempotency.ts";
import type { HandlerContext } from "../options.ts";

export function tokenHandlers(context: HandlerContext): HandlersOf<typeof tokenOperations> {
  const { tokens } = context;
  return {
    "tokens.list": async ({ principal, query }) => await tokens.list(principal.tenantId, query),
    "tokens.create": async (call) => {
      const { principal, body } = call;
      call.reply.header("cache-control", "no-store");
      const key = idempotencyKeyOf(call.request.headers);
      if (key === undefined) return await tokens.create(principal, body);
      const { answer } = await once(context.store.idempotency, {
        tenantId: principal.tenantId,
        operation: "tokens.create",
        key,
        request: body,
        work: async () => {
          const answer = await tokens.create(principal, body);
          return { entityId: answer.token.id, answer };
        },
        // Only a hash of the secret was kept, so the first answer cannot be given again.
        replay: async (tokenId): Promise<never> => {
          throw new GloveboxError("conflict", "this request made a token already, whose secret is shown only once", {
            details: { tokenId },
          });
        },
      });
      return answer;
    },
    "tokens.delete": async ({ principal, params }) => await tokens.delete(principal.tenantId, params.id),
  };
}
