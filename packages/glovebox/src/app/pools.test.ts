import { expect, test } from "vitest";
import { type Config, ConfigSchema } from "../config/index.ts";
import { poolSettings } from "./pools.ts";

const settings = (pools: object) =>
  poolSettings(ConfigSchema.parse({ dataDir: "/data", pools }).pools as Config["pools"], "mine");

test("pools of the configuration are those of ready-made templates; an isolation stands for its own", () => {
  const { sizes, tenantId, memory } = settings({
    bubblewrap: { min: 2 },
    isolate: { max: 3 },
    gvisor: { min: 1, max: 4, refillConcurrency: 2 },
    microvm: { min: 1 },
    ci: { min: 1 },
    node: { min: 0, max: 0 },
    minFreePercent: 25,
    maxPressurePercent: 5,
  });
  expect(Object.fromEntries(sizes)).toEqual({
    python: { min: 2, max: 2, refillConcurrency: 1 },
    "js-isolate": { min: 0, max: 3, refillConcurrency: 1 },
    gvisor: { min: 1, max: 4, refillConcurrency: 2 },
    microvm: { min: 1, max: 1, refillConcurrency: 1 },
    ci: { min: 1, max: 1, refillConcurrency: 1 },
  });
  expect({ tenantId, memory }).toEqual({
    tenantId: "mine",
    memory: { minFreePercent: 25, maxPressurePercent: 5 },
  });
  expect(settings({}).sizes.size).toBe(0);
});

test("a pool that keeps more than it may have, or that nobody knows, is refused", () => {
  expect(() => settings({ bash: { min: 2, max: 1 } })).toThrow(/above `max`/);
  expect(() => settings({ nobody: { min: 1 } })).toThrow();
});
