import type { Isolation, Metrics } from "../../core/index.ts";
import type { SessionRegistry } from "./session-registry.ts";

/** Has the live sessions of this node and their work looked at. */
export function watchSessions(metrics: Metrics, registry: SessionRegistry): void {
  metrics.watch("session.live", () => {
    const counts = new Map<Isolation, number>();
    for (const { row } of registry.all()) counts.set(row.isolation, (counts.get(row.isolation) ?? 0) + 1);
    return [...counts].map(([isolation, value]) => ({ value, labels: { isolation } }));
  });
  metrics.watch("execution.active", () => [{ value: registry.runs.size, labels: {} }]);
}
