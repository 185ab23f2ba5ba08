import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FlowStart, Glovebox } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { seededRandom } from "../chaos/workload.ts";
import { completions, decisionsOf, PYTHON, runFlow, startFlow } from "../support/flows.ts";
import { startServer } from "../support/server.ts";

/** `kill -9` of the server at random instants of each flow: fifty times in `make test-all`. One kill hits a run of every flow at the same time. */
const KILLS = Number(process.env.GLOVEBOX_TEST_KILLS ?? (process.env.GLOVEBOX_TESTS === "all" ? 50 : 3));
const SEED = Number(process.env.GLOVEBOX_TEST_SEED ?? Date.now() % 1_000_000);

const FLOWS: readonly FlowStart[] = [
  { flow: "feature-add", input: { goal: "add two numbers" } },
  { flow: "fix-failing" },
];
/** Rounds whose kills came before or after a run do not count; of so many for each kill some count. */
const ROUNDS_PER_KILL = 4;

test(`${KILLS} kills of a server in the midst of each flow: each run ends the same, and does nothing twice`, {
  timeout: 120_000 + 60_000 * KILLS,
  retry: 0,
}, async () => {
  console.log(`seed ${SEED}`);
  const random = seededRandom(SEED);
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-flow-kills-"));
  let server = await startServer({ dataDir });
  const { token } = server;
  const client = () => new Glovebox({ url: server.url, token });
  const kill = async () => {
    await server.kill();
    server = await startServer({ dataDir });
  };
  try {
    const begun = performance.now();
    const expected = await Promise.all(FLOWS.map((start) => runFlow(client(), PYTHON, start)));
    const tookMs = performance.now() - begun;
    const expectedDecisions = await Promise.all(expected.map(({ runId }) => decisions(client(), runId)));
    expect(expected.map(({ status }) => status)).toEqual(FLOWS.map(() => "completed"));
    const counts = FLOWS.map(() => 0);
    for (let round = 0; counts.some((kills) => kills < KILLS); round++) {
      expect(round).toBeLessThan(ROUNDS_PER_KILL * KILLS);
      const ids = await Promise.all(FLOWS.map((start) => startFlow(client(), PYTHON, start)));
      await sleep(random() * tookMs);
      await kill();
      // The second may come while the server recovers.
      if (random() < 0.5) {
        await sleep(random() * tookMs);
        await kill();
      }
      for (const [at, id] of ids.entries()) {
        await client().runs.wait(id, { signal: AbortSignal.timeout(60_000) });
        const view = await client().flows.run(id);
        expect({ ...view, runId: "" }).toEqual({ ...expected[at], runId: "" });
        expect(await decisions(client(), id)).toEqual(expectedDecisions[at]);
        for (const [step, times] of await completions(client(), id)) expect([step, times]).toEqual([step, 1]);
        expect(await client().runs.replay(id)).toMatchObject({ identical: true });
        counts[at] = (counts[at] ?? 0) + (await resumptions(client(), id));
      }
    }
    console.log(`kills in the midst of ${FLOWS.map(({ flow }, at) => `${flow}: ${counts[at]}`).join(", ")}`);
  } finally {
    await closeAll(client());
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

/** Without what lessons of the runs before make of it, and without readings of the clock: what was used up is looked up before changes are tried. */
async function decisions(box: Glovebox, id: string): Promise<readonly string[]> {
  return (await decisionsOf(box, id, { cut: true })).filter(
    (one) => !/^\["(?:recall|learn|helped|[^"]*\/budget(?:#\d+)?)"/.test(one),
  );
}

/** How often a run was cut, and gone on with. */
async function resumptions(box: Glovebox, id: string): Promise<number> {
  let resumed = 0;
  for await (const { type } of box.runs.follow(id)) if (type === "run.resumed") resumed += 1;
  return resumed;
}

/** Sandboxes outlive a server: with its folder gone nobody would end them. */
async function closeAll(box: Glovebox): Promise<void> {
  const { items } = await box.sessions
    .list({ status: ["starting", "ready"], limit: 1_000 })
    .catch(() => ({ items: [] }));
  await Promise.allSettled(items.map(async ({ id }) => (await box.sessions.get(id)).close()));
}
