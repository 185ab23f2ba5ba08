import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chaosProgram, expected, stepsOf, type Tree } from "./chaos-programs.ts";
import { chaosTrees } from "./chaos-trees.ts";
import { collect, type EngineSubject, type MakeEngineSubject, replayAll, TENANT } from "./subject.ts";

/** How many processes are killed; `GLOVEBOX_TEST_ENGINE_KILLS` says otherwise, and then there is no bound in time. */
const asked = process.env.GLOVEBOX_TEST_ENGINE_KILLS;
const KILLS = Number(asked ?? 60);
const BOUND_MS = asked === undefined ? 38_000 : Number.POSITIVE_INFINITY;
const PROGRAMS = 4;
/** Kills of one place before its programs are let run to their end. */
const KILLS_A_PLACE = 12;
const LONGEST_LIFE_MS = 150;

/** A process that waits, with everything loaded, to be told to begin. */
function prepare(subject: EngineSubject, folder: string): ChildProcess {
  const argv = [...subject.chaosArguments, join(folder, "trees"), join(folder, "effects")];
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "glovebox-chaos-cache") };
  return spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "inherit"], env });
}

/** Lets a process live for a while. `undefined` when it was killed; what it said when it came to its end first. */
async function live(child: ChildProcess, forMs: number): Promise<string | undefined> {
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const closed = once(child, "close");
  child.stdin?.write("go\n");
  // A life that counts begins with an open engine.
  while (!said.startsWith("open\n")) await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), closed]);
  const timer = Number.isFinite(forMs) ? setTimeout(() => child.kill("SIGKILL"), forMs) : undefined;
  const [code, signal] = (await closed) as [number | null, string | null];
  clearTimeout(timer);
  if (signal === "SIGKILL") return undefined;
  if (code !== 0) throw new Error(`the process ended by itself with ${code}: ${said}`);
  return said.slice("open\n".length);
}

interface Tally {
  readonly killed: number;
  /** How often runs were taken up in their midst. */
  readonly resumed: number;
}

async function killAtRandom(make: MakeEngineSubject, seed: number, kills: number, until: number): Promise<Tally> {
  await using subject = await make();
  const folder = await mkdtemp(join(tmpdir(), "glovebox-chaos-"));
  const trees = chaosTrees(seed, PROGRAMS);
  await writeFile(join(folder, "trees"), JSON.stringify(trees));
  await writeFile(join(folder, "effects"), "");
  let killed = 0;
  let said: string | undefined;
  let child = prepare(subject, folder);
  try {
    while (said === undefined) {
      const next = prepare(subject, folder);
      const isLast = killed >= kills || performance.now() > until;
      said = await live(child, isLast ? Number.POSITIVE_INFINITY : Math.random() * LONGEST_LIFE_MS);
      if (said === undefined) killed += 1;
      child = next;
    }
    return { killed, resumed: await checkPlace(subject, trees, said, await readFile(join(folder, "effects"), "utf8")) };
  } finally {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkPlace(
  subject: EngineSubject,
  trees: readonly Tree[],
  said: string,
  effects: string,
): Promise<number> {
  expect(JSON.parse(said)).toEqual({ results: trees.map((tree, index) => expected(tree, `start ${index}`)) });
  const lastAttempt = new Map<string, number>();
  const answered = new Set<string>();
  for (const line of effects.split("\n").slice(0, -1)) {
    const [key, attempt] = JSON.parse(line) as [string, number?];
    if (attempt === undefined) answered.add(key);
    else {
      expect(answered.has(key)).toBe(false);
      expect(attempt).toBeGreaterThanOrEqual(lastAttempt.get(key) ?? 0);
      lastAttempt.set(key, attempt);
    }
  }
  await using engine = await subject.open({ programs: [chaosProgram({ applied: () => {}, answered: () => {} })] });
  const completed = new Map<string, number>();
  const { items } = await engine.list(TENANT, { limit: 1000 });
  for (const { id, status } of items) {
    expect(status).toBe("completed");
    expect(await engine.verify(TENANT, id)).toMatchObject({ ok: true });
    for (const record of await collect(engine.journal(TENANT, id))) {
      if (record.type !== "step.completed" || record.payload.kind !== "step") continue;
      expect(completed.has(`${id}/${record.step}`)).toBe(false);
      completed.set(`${id}/${record.step}`, record.attempt ?? 0);
    }
  }
  // Every step completed once; the attempt that completed is the last that had an effect; no effect had another key, so a target that honours keys has each once.
  expect(completed.size).toBe(trees.reduce((sum, tree) => sum + stepsOf(tree), 0));
  expect(Object.fromEntries(lastAttempt)).toEqual(Object.fromEntries(completed));
  await replayAll(engine);
  return items.reduce((sum, { resumes }) => sum + resumes, 0);
}

export function chaosConformance(make: MakeEngineSubject): void {
  const long = Number.isFinite(BOUND_MS) ? 58_000 : 10_000 * KILLS;
  test("killed at random points, every program ends the same, no completed step runs again, no effect gets a second key", {
    timeout: long,
    retry: 0,
  }, async () => {
    const until = performance.now() + BOUND_MS;
    let killed = 0;
    let resumed = 0;
    for (let seed = Math.floor(Math.random() * 1e9); killed < KILLS && performance.now() < until; seed += 1) {
      try {
        const tally = await killAtRandom(make, seed, Math.min(KILLS_A_PLACE, KILLS - killed), until);
        killed += tally.killed;
        resumed += tally.resumed;
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    console.log(`engine chaos: ${killed} kills, runs taken up ${resumed} times`);
    expect(killed).toBeGreaterThan(0);
    expect(resumed).toBeGreaterThan(0);
  });
}
