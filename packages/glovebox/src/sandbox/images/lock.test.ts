import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { takeLock } from "./lock.ts";
import { nameOfOwner, ownerAlive } from "./owner.ts";

let dir: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-lock-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

const flags = () => readdirSync(join(dir, "it"));

/** Runs `body` in another process, with `takeLock` and `dir`. Resolves to what it prints, line by line. */
function inChild(body: string): { child: ChildProcess; lines: AsyncIterator<string> } {
  const source = `import { takeLock } from ${JSON.stringify(join(import.meta.dirname, "lock.ts"))};
    const dir = ${JSON.stringify(dir)};\n${body}`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", source], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  if (!child.stdout) throw new Error("no output of the child");
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

describe("the lock", () => {
  test("is held by one at a time, of many in several processes", async () => {
    // Each writes that it is in, looks for another, and writes that it is out: two at once would show.
    const body = `import { existsSync, rmSync, writeFileSync } from "node:fs";
      let clashes = 0;
      await Promise.all(Array.from({ length: 4 }, async () => {
        await using lock = await takeLock(dir, "it");
        try { writeFileSync(dir + "/inside", "", { flag: "wx" }); } catch { clashes += 1; }
        await new Promise((resolve) => setTimeout(resolve, 5));
        rmSync(dir + "/inside", { force: true });
      }));
      console.log("clashes " + clashes);`;
    const answers = await Promise.all([1, 2, 3].map(async () => (await inChild(body).lines.next()).value));
    expect(answers).toEqual(Array(3).fill("clashes 0"));
    expect(flags()).toEqual([]);
  });

  test("of a killed process is free, and its flag is taken down", async () => {
    const { child, lines } = inChild(`await takeLock(dir, "it"); console.log("held"); setInterval(() => {}, 1000);`);
    await lines.next();
    const [flag] = flags();
    expect(flag && ownerAlive(flag)).toBe(true);
    const waited: string[] = [];
    const taking = takeLock(dir, "it", { onWait: (owner) => waited.push(owner) });
    await expect.poll(() => waited).toEqual([flag]);
    child.kill("SIGKILL");
    await once(child, "exit");
    {
      await using _lock = await taking;
      expect(flags()).not.toContain(flag);
      expect(flags()).toHaveLength(1);
    }
    expect(flags()).toEqual([]);
  });

  test("is not waited for any longer when the asker gives up", async () => {
    await using _lock = await takeLock(dir, "it");
    const stop = new AbortController();
    const taking = takeLock(dir, "it", { signal: stop.signal, onWait: () => stop.abort() });
    await expect(taking).rejects.toMatchObject({ code: "cancelled" });
    expect(flags()).toHaveLength(1);
  });

  test("is not held by flags of processes of another start, of another boot, or of nobody", async () => {
    await takeLock(dir, "it").then((lock) => lock[Symbol.asyncDispose]());
    const [pid, startTime, boot] = nameOfOwner().split("-");
    const nobody = [
      `${pid}-${Number(startTime) + 1}-${boot}-aa`,
      `${pid}-${startTime}-${"0".repeat(32)}-aa`,
      "4194304-1-00000000000000000000000000000000-aa",
      "README",
    ];
    for (const name of nobody) writeFileSync(join(dir, "it", name), "");
    await using _lock = await takeLock(dir, "it");
    expect(flags()).toHaveLength(1);
    expect(ownerAlive(flags()[0] ?? "")).toBe(true);
  });
});
