import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Metrics } from "../../core/index.ts";

/** Times every request of a scope, by its operation; not those that stay open, which say nothing of how fast the server is. */
export function measureRequests(scope: FastifyInstance, metrics: Metrics): void {
  scope.addHook("onResponse", (request, reply, done) => {
    const status = `${Math.floor(reply.statusCode / 100)}xx`;
    const stays = request.ws === true || String(reply.getHeader("content-type")).startsWith("text/event-stream");
    if (!stays) metrics.timed("http.request", reply.elapsedTime, { operation: operationOf(request), status });
    done();
  });
}

/** The same for what forges deliver, whose operations are named after them. */
export function measureWebhooks(scope: FastifyInstance, metrics: Metrics): void {
  scope.addHook("onResponse", (request, reply, done) => {
    const forge = operationOf(request).replace(/^webhooks\./, "");
    metrics.timed("webhook", reply.elapsedTime, { forge, status: `${Math.floor(reply.statusCode / 100)}xx` });
    done();
  });
}

/** One of the table of operations, or `none`. */
function operationOf(request: FastifyRequest): string {
  return request.routeOptions.config.operation ?? "none";
}
