import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { cleanEnv, glovebox, startServer, type TestServer } from "../support/server.ts";
import { hostLeftovers } from "./host-leftovers.ts";
import { Ledger } from "./ledger.ts";
import { type ChaosClient, seededRandom, workUntilKilled } from "./workload.ts";

/** `kill -9` of a server, over and over on one data folder: a hundred times in `make test-all`. What it found once is a test of `sessions/recovery` now. */
const KILLS = Number(process.env.GLOVEBOX_TEST_KILLS ?? (process.env.GLOVEBOX_TESTS === "all" ? 100 : 30));
const SEED = Number(process.env.GLOVEBOX_TEST_SEED ?? Date.now() % 1_000_000);

let dataDir: string | undefined;
afterAll(async () => {
  if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
});

test(`${KILLS} kills of a server lose nothing that it acknowledged`, {
  timeout: 60_000 + 9000 * KILLS,
  retry: 0,
}, async () => {
  console.log(`seed ${SEED}`);
  dataDir = await mkdtemp(join(tmpdir(), "glovebox-chaos-"));
  const random = seededRandom(SEED);
  const ledger = new Ledger();
  let server = await startServer({ dataDir });
  const { token } = server;
  const client = (): ChaosClient => ({ url: server.url, token });
  try {
    for (let kills = 0; kills < KILLS; ) {
      const working = workUntilKilled(client(), ledger, random);
      await sleep(40 + random() * 500);
      await server.kill();
      kills += 1;
      await working;
      if (random() < 0.2 && kills < KILLS) {
        await killWhileItStarts(dataDir, 150 + random() * 1_000);
        kills += 1;
      }
      server = await startServer({ dataDir });
    }
    await ledger.verify(client());
    await ledger.closeAll(client());
  } finally {
    // What failed may have failed while no server was there.
    await server.kill();
    server = await startServer({ dataDir });
    await closeEverything(server, token);
    await server.stop();
  }
  await expect.poll(() => hostLeftovers(dataDir ?? ""), { timeout: 15_000 }).toEqual([]);
});

/** A server that dies before it answered anybody: in the middle of recovering, or just after. */
async function killWhileItStarts(folder: string, afterMs: number): Promise<void> {
  const argv = ["up", "--port", "0", "--data", folder, "--json"];
  const child = spawn(glovebox, argv, { env: cleanEnv(), stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const gone = once(child, "exit");
  await sleep(afterMs);
  // One that ends by itself would be a server that a kill has left unable to start.
  if (child.exitCode !== null) throw new Error(`the server ended by itself: ${log}`);
  child.kill("SIGKILL");
  await gone;
}

/** Also after a failed test nothing may stay on the machine. */
async function closeEverything(server: TestServer, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${server.url}/v1/sessions?status=ready,starting,crashed&limit=1000`, { headers });
  const { items = [] } = (await answer.json()) as { items?: readonly { id: string }[] };
  await Promise.all(items.map(({ id }) => fetch(`${server.url}/v1/sessions/${id}/close`, { method: "POST", headers })));
}
