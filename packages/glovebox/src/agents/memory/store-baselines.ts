import { createHash } from "node:crypto";
import { z } from "zod";
import type { ContextStore } from "../../context/index.ts";
import { canonicalJson } from "../../core/index.ts";
import type { Baseline, BaselineKey, Baselines } from "./baselines.ts";

const Kept = z.object({
  medianMs: z.number().min(0),
  madMs: z.number().min(0),
  repeats: z.number().int().min(1).max(1_000),
});

/** Baselines as documents in the context store, for the tenant of whoever asks: a version for each time that one was kept. */
export function createBaselines(store: ContextStore): Baselines {
  return {
    recall: async (run, key) => {
      const kept = await run.step("baseline", { ...key }, async () => {
        const filter = { eq: { field: "path", value: pathOf(key) } };
        const [found] = (await store.list(run.tenantId, { filter })).items;
        if (found === undefined || found.removed) return null;
        const { metadata } = await store.get(run.tenantId, found.id);
        return Kept.safeParse(metadata.baseline).data ?? null;
      });
      return kept ?? undefined;
    },
    keep: async (run, key, baseline) => {
      await run.step("keep baseline", { key: { ...key }, baseline: { ...baseline } }, async (_given, step) => {
        const content = textOf(key, baseline);
        const metadata = { baseline: { ...baseline }, ...key };
        const document = { kind: "test_result" as const, path: pathOf(key), content, metadata };
        await store.add(run.tenantId, [{ ...document, origin: "agent:performance" }], {
          runId: run.runId,
          signal: step.signal,
        });
        return null;
      });
    },
  };
}

function pathOf(key: BaselineKey): string {
  return `baselines/${createHash("sha256")
    .update(canonicalJson({ ...key }))
    .digest("hex")
    .slice(0, 32)}`;
}

function textOf({ repository, target, machine, metric }: BaselineKey, { medianMs, repeats }: Baseline): string {
  return `Performance of ${repository}: ${target}\n${medianMs} ms of ${metric} time (median of ${repeats}) on ${machine}\n`;
}
