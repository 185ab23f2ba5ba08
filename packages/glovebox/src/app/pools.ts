import type { Config } from "../config/index.ts";
import type { Isolation } from "../core/index.ts";
import { type PoolSettings, readyMadeOf } from "../sessions/index.ts";

/** Keys that name an isolation stand for the template of sessions that name nothing else. */
const ISOLATIONS: ReadonlySet<string> = new Set<Isolation>([
  "isolate",
  "bubblewrap",
  "gvisor",
  "microvm",
  "firecracker",
]);

/** The pools that the configuration names, of the ready-made templates of a tenant, and when memory counts as short. */
export function poolSettings(config: Config["pools"], tenantId: string): PoolSettings {
  const { minFreePercent, maxPressurePercent, ...named } = config;
  const sizes = Object.entries(named).flatMap(([key, { min = 0, max = min, refillConcurrency = 1 }]) => {
    const name = ISOLATIONS.has(key) ? readyMadeOf(key as Isolation) : key;
    return max === 0 ? [] : [[name, { min, max, refillConcurrency }] as const];
  });
  return { sizes: new Map(sizes), tenantId, memory: { minFreePercent, maxPressurePercent } };
}
