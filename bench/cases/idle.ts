import { readdirSync, readFileSync } from "node:fs";
import type { Case } from "../harness.ts";
import { createSession, openServer } from "../server.ts";

const SESSIONS = Number(process.env.BENCH_IDLE_SESSIONS ?? 1000);

/**
 * Proportional memory of what one idle bubblewrap session keeps alive (supervisor, bwrap, agent), with all of them there at once.
 * One sample per hundred sessions. The floor is the agent alone.
 */
export const idleSession: Case = {
  name: "session.idle-memory",
  unit: "MiB",
  target: { better: "lower", p50: 3 },
  async run() {
    await using bench = await openServer();
    const { client } = bench;
    const before = new Set(pids());
    const samples: number[] = [];
    let floor: number[] = [];
    for (let made = 0; made < SESSIONS; made += 1) {
      await createSession(client, { template: "bash" });
      if ((made + 1) % 100 !== 0 && made + 1 !== SESSIONS) continue;
      const ours = pids().filter((pid) => !before.has(pid));
      const total = ours.map((pid) => proportionalMiB(pid)).reduce((sum, mib) => sum + mib, 0);
      samples.push(total / (made + 1));
      floor = ours.filter((pid) => nameOf(pid).includes("agent")).map((pid) => proportionalMiB(pid));
    }
    let cursor: string | undefined;
    do {
      const page = await client.send<{ items: { id: string }[]; nextCursor?: string }>(
        "GET",
        "/v1/sessions?status=ready&limit=200",
      );
      for (const { id } of page.items) await client.send("DELETE", `/v1/sessions/${id}`);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return { samples, floor: { name: "the agent alone", samples: floor } };
  },
};

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8");
  } catch {
    return "";
  }
}

function proportionalMiB(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
