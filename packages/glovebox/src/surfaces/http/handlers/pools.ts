import type { poolOperations } from "../../operations/pools.ts";
import type { HandlersOf } from "../call.ts";
import type { HandlerContext } from "../options.ts";

export function poolHandlers({ services }: HandlerContext): HandlersOf<typeof poolOperations> {
  const { pools } = services;
  return {
    "pools.list": async ({ principal }) => ({ items: await pools.list(principal.tenantId) }),
    "pools.show": async ({ principal, params }) => await pools.show(principal.tenantId, params.id),
    "pools.set": async ({ principal, params, body }) => await pools.set(principal.tenantId, params.id, body),
    "pools.drain": async ({ principal, params }) => await pools.drain(principal.tenantId, params.id),
  };
}
