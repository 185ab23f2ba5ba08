import { defineOperations } from "./operation.ts";

/** What the server counts and times of itself: see the page on metrics. */
export const metricsOperations = defineOperations({
  "metrics.get": {
    method: "GET",
    path: "/metrics",
    summary: "Figures of the whole server for Prometheus, for operators of the first tenant",
    minimumRole: "operator",
    answer: "text",
    status: 200,
    sdk: { leftOut: "Prometheus reads it over HTTP" },
    cli: { leftOut: "Prometheus reads it over HTTP" },
  },
});
