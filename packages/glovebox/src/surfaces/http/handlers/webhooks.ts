import type { WebhookForge } from "../../../ci/index.ts";
import type { webhookOperations } from "../../operations/webhooks.ts";
import type { Call, HandlersOf } from "../call.ts";
import { type HandlerContext, partOf } from "../options.ts";

type WebhookCall = Call<(typeof webhookOperations)[keyof typeof webhookOperations]>;

export function webhookHandlers(context: HandlerContext): HandlersOf<typeof webhookOperations> {
  const take =
    (forge: WebhookForge) =>
    async ({ request }: WebhookCall) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      return await partOf(context, "webhooks").take(forge, { headers: request.headers, body });
    };
  return { "webhooks.github": take("github"), "webhooks.gitea": take("gitea") };
}
