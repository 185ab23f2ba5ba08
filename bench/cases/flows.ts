import { builtInFlows } from "../../packages/glovebox/src/agents/flows/built-in-flows.ts";
import type { FlowRequest } from "../../packages/glovebox/src/agents/flows/flow-service.ts";
import { type FlowStage, openFlowStage } from "../../packages/glovebox/src/agents/testing/flow-stage.ts";
import { TENANT } from "../../packages/glovebox/src/sessions/testing/stage.ts";
import { PYTHON } from "../../test/support/flows.ts";
import { recordSandbox } from "../floors-flows.ts";
import type { Case, Measurement } from "../harness.ts";

type Files = Readonly<Record<string, string>>;

/** Two dozen modules whose tests compute for some seconds in all; one of them has a fault. */
function suite(): Files {
  const files: Record<string, string> = { ...PYTHON };
  for (let module = 0; module < 24; module += 1) {
    files[`shop/part_${module}.py`] =
      `"""Part ${module}."""\n\n\ndef weigh(rounds):\n    """A sum that takes its time."""\n    total = 0\n    for at in range(rounds):\n        total = (total * 31 + at * ${module + 1}) % 1000003\n    return total\n`;
    files[`test_part_${module}.py`] =
      `import unittest\n\nfrom shop.part_${module} import weigh\n\n\nclass Part${module}Test(unittest.TestCase):\n` +
      `    def test_same(self):\n        self.assertEqual(weigh(400000), weigh(400000))\n\n    def test_none(self):\n        self.assertEqual(weigh(0), 0)\n`;
  }
  return { ...files, "shop/__init__.py": "" };
}

/** What a whole flow takes beyond the commands that it runs in its sandbox, in percent of these: they are run again one after the other, with nothing between them but the files that they need. */
async function measure(files: Files, request: FlowRequest, rounds: number): Promise<Measurement> {
  await using at = await openFlowStage({ flows: builtInFlows() });
  const repository = await at.upload(files);
  const { stage } = at.stage;
  const samples: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    using recorded = recordSandbox(stage);
    const tookMs = await time(at, { ...request, setup: { repository } });
    const own = await recorded.again();
    if (round < 0) continue; // the first reads from the disk
    const ownMs = own.reduce((sum, { ms }) => sum + ms, 0);
    samples.push((100 * (tookMs - ownMs)) / ownMs);
  }
  return { samples };
}

/** From the request until the run has ended, milliseconds. */
async function time(at: FlowStage, request: FlowRequest): Promise<number> {
  const from = performance.now();
  const { id } = await at.flows.start(TENANT, request);
  await at.stage.engine.result(TENANT, id, AbortSignal.timeout(300_000));
  const tookMs = performance.now() - from;
  const { status } = await at.flows.run(TENANT, id);
  if (status !== "completed") throw new Error(`the flow came to ${status}`);
  return tookMs;
}

/** What flows take over their own commands: 10 % at most. */
export const FLOW_CASES: readonly Case[] = [
  {
    name: "agents.flow.overhead",
    unit: "%",
    target: { better: "lower", p50: 10 },
    run: () => measure(PYTHON, { flow: "fix-failing" }, 7),
  },
  {
    name: "agents.flow.overhead_add",
    unit: "%",
    target: { better: "lower", p50: 10 },
    run: () => measure(PYTHON, { flow: "feature-add", input: { goal: "add two numbers" } }, 7),
  },
  {
    name: "agents.flow.overhead_suite",
    unit: "%",
    target: { better: "lower", p50: 10 },
    run: () => measure(suite(), { flow: "fix-failing" }, 3),
  },
];
