import { startBareInterpreter } from "../floors.ts";
import { type Case, NotHere, timeEach } from "../harness.ts";
import type { KeepAlive } from "../keep-alive.ts";
import { createSession, deleteSession, openServer, runRepl } from "../server.ts";

interface Subject {
  readonly isolation: "bubblewrap" | "microvm";
  readonly template: string;
  readonly rounds: number;
  /** Sessions before the first that counts. A server that has just started runs much of this path in V8's interpreter. */
  readonly warmUp: number;
  readonly p50: number;
}

/** A session out of a pool and the first `print(1)` in it, over HTTP. The pool is full again before the next one. */
function firstPrint({ isolation, template, rounds, warmUp, p50 }: Subject): Case {
  return {
    name: `pool.${isolation}.first-print`,
    unit: "ms",
    target: { better: "lower", p50 },
    async run() {
      await using bench = await openServer({ [`GLOVEBOX_POOLS_${isolation.toUpperCase()}_MIN`]: "2" });
      const { client } = bench;
      const samples: number[] = [];
      for (let i = -warmUp; i < rounds; i += 1) {
        await full(client, template);
        const start = performance.now();
        const id = await createSession(client, { template });
        await runRepl(client, id, "python", "print(1)");
        if (i >= 0) samples.push(performance.now() - start);
        await deleteSession(client, id);
      }
      const { misses } = await poolOf(client, template);
      if (misses.total > 0) throw new Error(`${misses.total} sessions were not out of the pool`);
      const bare = startBareInterpreter();
      const floor = await timeEach(500, 100, () => bare.roundTrip());
      bare.close();
      return { samples, floor: { name: "one round trip of a bare interpreter", samples: floor } };
    },
  };
}

interface PoolAnswer {
  readonly ready: number;
  readonly error?: { readonly code: string; readonly message: string };
  readonly misses: { readonly total: number };
}

function poolOf(client: KeepAlive, template: string): Promise<PoolAnswer> {
  return client.send<PoolAnswer>("GET", `/v1/pools/${template}`);
}

const FULL_MS = 120_000;

async function full(client: KeepAlive, template: string): Promise<void> {
  const until = performance.now() + FULL_MS;
  for (;;) {
    const { ready, error } = await poolOf(client, template);
    if (ready >= 2) return;
    if (error?.code === "isolation_unavailable") throw new NotHere(error.message);
    if (performance.now() > until) throw new Error(`the pool of ${template} is not full after ${FULL_MS} ms`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

export const POOL_CASES: readonly Case[] = [
  firstPrint({ isolation: "bubblewrap", template: "python", rounds: 100, warmUp: 300, p50: 4 }),
  firstPrint({ isolation: "microvm", template: "microvm", rounds: 30, warmUp: 50, p50: 10 }),
];
