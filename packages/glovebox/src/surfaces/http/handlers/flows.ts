import type { flowOperations } from "../../operations/flows.ts";
import type { HandlersOf } from "../call.ts";
import { idempotencyKeyOf } from "../idempotency.ts";
import { type HandlerContext, partOf } from "../options.ts";
import { limitedUpload } from "../upload.ts";

export function flowHandlers(context: HandlerContext): HandlersOf<typeof flowOperations> {
  const flows = () => partOf(context, "flows");
  return {
    "flows.list": async () => ({ items: flows().list() }),
    "flows.get": async ({ params }) => flows().get(params.name),
    "flows.validate": async ({ principal, body }) => await flows().validate(principal.tenantId, body),
    "flows.upload": async ({ request, signal }) =>
      await flows().upload(limitedUpload(request, context.settings.uploadBytes), signal),
    "flows.start": async ({ principal, body, request }) => {
      const idempotencyKey = idempotencyKeyOf(request.headers);
      return {
        run: await flows().start(principal.tenantId, body, idempotencyKey === undefined ? {} : { idempotencyKey }),
      };
    },
    "flows.run": async ({ principal, params }) => await flows().run(principal.tenantId, params.id),
    "flows.answer": async ({ principal, params, body }) => await flows().answer(principal.tenantId, params.id, body),
  };
}
