import { builtInFlows } from "../../packages/glovebox/src/agents/flows/built-in-flows.ts";
import { openFlowStage } from "../../packages/glovebox/src/agents/testing/flow-stage.ts";
import { TENANT } from "../../packages/glovebox/src/sessions/testing/stage.ts";
import { PYTHON } from "../../test/support/flows.ts";
import type { Case, Measurement } from "../harness.ts";

const ROUNDS = 7;

/** A whole fix-failing, from its start to its end, beside what its own commands took in the sandbox. */
async function measure(): Promise<Measurement> {
  await using at = await openFlowStage({ flows: builtInFlows() });
  const repository = await at.upload(PYTHON);
  const [samples, floor]: [number[], number[]] = [[], []];
  for (let round = -1; round < ROUNDS; round += 1) {
    const from = performance.now();
    const { runId, status } = await at.run({ flow: "fix-failing", setup: { repository } });
    const tookMs = performance.now() - from;
    if (status !== "completed") throw new Error(`the flow came to ${status}`);
    if (round < 0) continue; // the first reads from the disk
    const { usage } = await at.stage.engine.get(TENANT, runId);
    samples.push(tookMs);
    floor.push(usage.sandboxSeconds * 1_000);
  }
  return { samples, floor: { name: "its commands in the sandbox", samples: floor }, ratioTarget: 1.1 };
}

/** What flows take over their own commands: 10 % at most. */
export const FLOW_CASES: readonly Case[] = [{ name: "agents.flow.overhead", unit: "ms", run: measure }];
