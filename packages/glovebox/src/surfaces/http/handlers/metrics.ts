import { GloveboxError } from "../../../core/index.ts";
import { DEFAULT_TENANT } from "../../../governance/index.ts";
import type { metricsOperations } from "../../operations/metrics.ts";
import type { HandlersOf } from "../call.ts";
import { type HandlerContext, partOf } from "../options.ts";

export function metricsHandlers(context: HandlerContext): HandlersOf<typeof metricsOperations> {
  return {
    "metrics.get": async ({ principal, reply }) => {
      // Sums over everybody's work: other tenants' operators must not see how busy their neighbours are.
      if (principal.tenantId !== DEFAULT_TENANT) throw new GloveboxError("not_found", "there is nothing at this path");
      const { contentType, body } = await partOf(context, "metrics").text();
      reply.header("content-type", contentType).header("cache-control", "no-store").send(body);
    },
  };
}
