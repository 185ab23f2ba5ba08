import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FlowStart, Glovebox } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { seededRandom } from "../chaos/workload.ts";
import { completions, PYTHON, runFlow, startFlow } from "../support/flows.ts";
import { startServer } from "../support/server.ts";

/** `kill -9` of the server at random instants of a flow: fifty times for each flow in `make test-all`. */
const KILLS = Number(process.env.GLOVEBOX_TEST_KILLS ?? (process.env.GLOVEBOX_TESTS === "all" ? 50 : 3));
const SEED = Number(process.env.GLOVEBOX_TEST_SEED ?? Date.now() % 1_000_000);

const FLOWS: Readonly<Record<string, FlowStart>> = {
  "feature-add": { flow: "feature-add", input: { goal: "add two numbers" } },
  "fix-failing": { flow: "fix-failing" },
};

test.each(Object.keys(FLOWS))(
  `${KILLS} kills of a server in the midst of %s: each run ends the same, and does nothing twice`,
  {
    timeout: 120_000 + 30_000 * KILLS,
    retry: 0,
  },
  async (name) => {
    console.log(`seed ${SEED}`);
    const random = seededRandom(SEED);
    const start = FLOWS[name]!;
    const dataDir = await mkdtemp(join(tmpdir(), "glovebox-flow-kills-"));
    let server = await startServer({ dataDir });
    const { token } = server;
    const client = () => new Glovebox({ url: server.url, token });
    try {
      const begun = performance.now();
      const expected = await runFlow(client(), PYTHON, start);
      const tookMs = performance.now() - begun;
      expect(expected.status).toBe("completed");
      for (let kills = 0; kills < KILLS; ) {
        const id = await startFlow(client(), PYTHON, start);
        // Once or twice in one run; the second may come while the next server recovers.
        for (let again = 0; again < 2 && kills < KILLS; again++) {
          await sleep(random() * tookMs * 0.7);
          await server.kill();
          kills += 1;
          server = await startServer({ dataDir });
          if (random() < 0.5) break;
        }
        await client().runs.wait(id, { signal: AbortSignal.timeout(60_000) });
        const view = await client().flows.run(id);
        expect({ ...view, runId: "" }).toEqual({ ...expected, runId: "" });
        for (const [step, times] of await completions(client(), id)) expect([step, times]).toEqual([step, 1]);
        expect(await client().runs.replay(id)).toMatchObject({ identical: true });
      }
    } finally {
      await closeAll(client());
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
);

/** Sandboxes outlive a server: with its folder gone nobody would end them. */
async function closeAll(box: Glovebox): Promise<void> {
  const { items } = await box.sessions
    .list({ status: ["starting", "ready"], limit: 1_000 })
    .catch(() => ({ items: [] }));
  await Promise.allSettled(items.map(async ({ id }) => (await box.sessions.get(id)).close()));
}
