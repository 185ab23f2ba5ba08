import { Pool, PoolChange } from "../../core/schemas.ts";
import { TemplateParams, whole } from "./fields.ts";
import { defineOperations } from "./operation.ts";

/** Sandboxes that are ready before a session asks: see the page on pools. */
export const poolOperations = defineOperations({
  "pools.list": {
    method: "GET",
    path: "/v1/pools",
    summary: "List the templates that have a pool of ready sandboxes, with what each pool did since the server started",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: whole(Pool),
    sdk: "pools.list",
    cli: "pool list",
  },
  "pools.show": {
    method: "GET",
    path: "/v1/pools/{id}",
    summary: "Read a template's pool: its size, what is ready, hits, misses with their reasons, and times",
    minimumRole: "viewer",
    params: TemplateParams,
    answer: "json",
    status: 200,
    response: Pool,
    sdk: "pools.show",
    cli: "pool show",
  },
  "pools.set": {
    method: "PATCH",
    path: "/v1/pools/{id}",
    summary: "Change the size of a template's pool from now on, over restarts too; the template stays as it is",
    minimumRole: "operator",
    params: TemplateParams,
    body: PoolChange,
    answer: "json",
    status: 200,
    response: Pool,
    sdk: "pools.set",
    cli: "pool set",
  },
  "pools.drain": {
    method: "POST",
    path: "/v1/pools/{id}/drain",
    summary: "Destroy what is ready in a template's pool; it is filled anew",
    minimumRole: "operator",
    params: TemplateParams,
    answer: "json",
    status: 200,
    response: Pool,
    sdk: "pools.drain",
    cli: "pool drain",
  },
});
