import type { repositoryOperations } from "../../operations/repositories.ts";
import type { HandlersOf } from "../call.ts";
import { type HandlerContext, partOf } from "../options.ts";

export function repositoryHandlers(context: HandlerContext): HandlersOf<typeof repositoryOperations> {
  const repositories = () => partOf(context, "repositories");
  return {
    "repositories.list": async ({ principal, query }) => await repositories().list(principal.tenantId, query),
    "repositories.create": async ({ principal, body }) => await repositories().add(principal.tenantId, defined(body)),
    "repositories.get": async ({ principal, params }) => await repositories().get(principal.tenantId, params.id),
    "repositories.update": async ({ principal, params, body }) =>
      await repositories().change(principal.tenantId, params.id, defined(body)),
    "repositories.delete": async ({ principal, params, signal }) =>
      await repositories().remove(principal.tenantId, params.id, signal),
    "repositories.hook": async ({ principal, params, body, signal }) =>
      await repositories().hook(principal.tenantId, params.id, defined(body), signal),
    "repositories.secrets.list": async ({ principal, params, query }) => ({
      items: await repositories().listSecrets({ tenantId: principal.tenantId, id: params.id, ...query }),
    }),
    "repositories.secrets.set": async ({ principal, params: { id, name }, query, body }) =>
      await repositories().setSecret({ tenantId: principal.tenantId, id, ...query }, { name, value: body.value }),
    "repositories.secrets.delete": async ({ principal, params: { id, name }, query }) =>
      await repositories().deleteSecret({ tenantId: principal.tenantId, id, ...query }, name),
    "repositories.variables.list": async ({ principal, params, query }) => ({
      items: await repositories().listVariables({ tenantId: principal.tenantId, id: params.id, ...query }),
    }),
    "repositories.variables.set": async ({ principal, params: { id, name }, query, body }) =>
      await repositories().setVariable({ tenantId: principal.tenantId, id, ...query }, { name, value: body.value }),
    "repositories.variables.delete": async ({ principal, params: { id, name }, query }) =>
      await repositories().deleteVariable({ tenantId: principal.tenantId, id, ...query }, name),
  };
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** zod leaves absent fields out, which its types do not say. */
function defined<T extends object>(value: T): Defined<T> {
  return value as Defined<T>;
}
