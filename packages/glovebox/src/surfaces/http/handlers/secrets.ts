import type { secretOperations } from "../../operations/secrets.ts";
import type { HandlersOf } from "../call.ts";
import { type HandlerContext, partOf } from "../options.ts";

export function secretHandlers(context: HandlerContext): HandlersOf<typeof secretOperations> {
  const secrets = () => partOf(context, "secrets");
  return {
    "secrets.list": async ({ principal }) => ({ items: await secrets().list(principal.tenantId) }),
    "secrets.set": async ({ principal, params, body }) =>
      await secrets().set(principal.tenantId, { name: params.name, value: body.value, hosts: body.hosts }),
    "secrets.delete": async ({ principal, params }) => await secrets().delete(principal.tenantId, params.name),
    "secrets.rotateKey": async () => await secrets().rotateKey(),
  };
}
