import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openStage, TENANT } from "../testing/stage.ts";

/** Starts the busy server, lets it do `steps` things and a moment of the next, and kills it. Gives its session. */
async function runAndKill(dir: string, steps: number, momentMs: number): Promise<string> {
  const script = join(import.meta.dirname, "testdata/busy-server.ts");
  const server = spawn(process.execPath, ["--conditions=development", script, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(server, "exit");
  let id = "";
  let seen = 0;
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.startsWith("ready ")) id = line.slice("ready ".length);
    else seen += 1;
    if (seen >= steps) break;
  }
  // Whenever that is: what must hold holds at any moment.
  await sleep(momentMs);
  server.kill("SIGKILL");
  await exited;
  return id;
}

const STEPS = ["rollback", "snapshot", "fork"];
const cases = STEPS.flatMap((step, index) => [5, 60].map((momentMs) => [step, index + 1, momentMs] as const));

test.each(cases)(
  "a server killed in a %s (step %i, %i ms in) leaves the old state or the new",
  async (_, steps, momentMs) => {
    const dir = mkdtempSync(join(tmpdir(), "glovebox-crash-"));
    const id = await runAndKill(dir, steps, momentMs);
    await using stage = await openStage({ dir });
    await stage.services.recover();
    const { snapshots, sessions } = stage.services;
    const count = "find . -name 'f*' -type f | wc -l; cat $(find . -name 'f*') | sort -u";
    const look = async () => (await stage.run(id, { kind: "command", argv: ["bash", "-c", count] })).out;
    // All files, and all of one state.
    expect(await look()).toMatch(/^150\n[abc]\n$/);
    // What exists can be returned to, and nothing else is there.
    const { items } = await snapshots.list(TENANT, id, { limit: 1000 });
    expect(readdirSync(join(dir, "snapshots", id)).toSorted()).toEqual(items.map((item) => item.id).toSorted());
    for (const { id: snapshotId } of items) {
      await snapshots.rollback(TENANT, id, snapshotId);
      expect(await look()).toMatch(/^150\n[abc]\n$/);
    }
    const all = await sessions.list(TENANT, { limit: 1000 });
    const children = all.items.filter(({ parentSessionId }) => parentSessionId === id);
    expect(children.length % 2).toBe(0);
    const live = all.items.filter(({ status }) => status === "ready");
    const workspaces = readdirSync(join(dir, "workspaces"));
    expect(workspaces).toHaveLength(all.items.length);
    const sandboxes = readdirSync(join(dir, "run")).filter((name) => !/^(waiting|launcher)-/.test(name));
    expect(sandboxes).toHaveLength(live.length);
  },
);
