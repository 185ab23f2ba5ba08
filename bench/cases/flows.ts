import { builtInFlows } from "../../packages/glovebox/src/agents/flows/built-in-flows.ts";
import { openFlowStage } from "../../packages/glovebox/src/agents/testing/flow-stage.ts";
import { TENANT } from "../../packages/glovebox/src/sessions/testing/stage.ts";
import { PYTHON } from "../../test/support/flows.ts";
import type { Case, Measurement } from "../harness.ts";

const ROUNDS = 7;

/** What a whole fix-failing takes beyond its own commands in the sandbox, in percent of these. */
async function measure(): Promise<Measurement> {
  await using at = await openFlowStage({ flows: builtInFlows() });
  const repository = await at.upload(PYTHON);
  const samples: number[] = [];
  for (let round = -1; round < ROUNDS; round += 1) {
    const from = performance.now();
    const { runId, status } = await at.run({ flow: "fix-failing", setup: { repository } });
    const tookMs = performance.now() - from;
    if (status !== "completed") throw new Error(`the flow came to ${status}`);
    if (round < 0) continue; // the first reads from the disk
    const { usage } = await at.stage.engine.get(TENANT, runId);
    const ownMs = usage.sandboxSeconds * 1_000;
    samples.push((100 * (tookMs - ownMs)) / ownMs);
  }
  return { samples };
}

/** What flows take over their own commands: 10 % at most. */
export const FLOW_CASES: readonly Case[] = [
  { name: "agents.flow.overhead", unit: "%", target: { better: "lower", p50: 10 }, run: measure },
];
