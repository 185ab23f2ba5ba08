import type { ciInsightOperations } from "../../operations/ci-insights.ts";
import type { HandlersOf } from "../call.ts";
import { type HandlerContext, partOf } from "../options.ts";

export function ciInsightHandlers(context: HandlerContext): HandlersOf<typeof ciInsightOperations> {
  return {
    "ci.insights": async ({ principal, query }) =>
      await partOf(context, "insights").of(principal.tenantId, query.repository, query.workflow),
    "ci.translate": async ({ principal, body, signal }) =>
      await partOf(context, "translate").translate(principal.tenantId, body, signal),
  };
}
