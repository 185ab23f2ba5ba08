/** What must be true of a place after its programs ended, however often their process was killed. */
import { expect } from "vitest";
import type { DurableEngine, JournalRecord } from "../../packages/glovebox/src/engine/index.ts";
import { chaosProgram, expected, stepsOf, type Tree } from "./chaos-programs.ts";
import { SAGA_STEPS, SAGAS, sagaProgram } from "./chaos-saga.ts";
import { addTally, emptyTally, type Tally, tallyOf } from "./chaos-tally.ts";
import { collect, type EngineSubject, replayAll, TENANT } from "./subject.ts";

const NOTHING = { applied: () => {}, answered: () => {} };

/** `said`: by the process that came to its end. `effects`: a line for each effect and for each answer. */
export async function checkPlace(
  subject: EngineSubject,
  trees: readonly Tree[],
  said: string,
  effects: string,
): Promise<Tally> {
  const results = trees.map((tree, index) => expected(tree, `start ${index}`));
  expect(JSON.parse(said)).toEqual({ results, sagas: Array(SAGAS).fill("cancelled") });
  const lastAttempts = attemptsOf(effects);
  await using engine = await subject.open({ programs: [chaosProgram(NOTHING), sagaProgram(NOTHING)] });
  const completed = new Map<string, number>();
  const tally = emptyTally();
  const { items } = await engine.list(TENANT, { limit: 1000 });
  for (const { id, status, program, error } of items) {
    expect([status, error?.details]).toEqual([program === "saga" ? "cancelled" : "completed", undefined]);
    const journal = await checkJournal(engine, id, completed);
    if (program === "saga") checkUndone(journal);
    addTally(tally, tallyOf(journal));
  }
  // Every step completed once; the attempt that completed is the last that had an effect; no effect had another key, so a target that honours keys has each once.
  expect(completed.size).toBe(trees.reduce((sum, tree) => sum + stepsOf(tree), 0) + SAGAS * SAGA_STEPS * 2);
  expect(Object.fromEntries(lastAttempts)).toEqual(Object.fromEntries(completed));
  await replayAll(engine);
  return tally;
}

/** The last attempt that had an effect, by key. An effect after its program had the answer, or in an earlier attempt, is a step done again. */
function attemptsOf(effects: string): ReadonlyMap<string, number> {
  const lastAttempts = new Map<string, number>();
  const answered = new Set<string>();
  for (const line of effects.split("\n").slice(0, -1)) {
    const [key, attempt] = JSON.parse(line) as [string, number?];
    if (attempt === undefined) answered.add(key);
    else {
      expect(answered.has(key)).toBe(false);
      expect(attempt).toBeGreaterThanOrEqual(lastAttempts.get(key) ?? 0);
      lastAttempts.set(key, attempt);
    }
  }
  return lastAttempts;
}

async function checkJournal(
  engine: DurableEngine,
  id: string,
  completed: Map<string, number>,
): Promise<readonly JournalRecord[]> {
  expect(await engine.verify(TENANT, id)).toMatchObject({ ok: true });
  const journal = await collect(engine.journal(TENANT, id));
  for (const { type, payload, step, attempt } of journal) {
    if (type !== "step.completed" || (payload.kind !== "step" && payload.kind !== "compensation")) continue;
    expect(completed.has(`${id}/${step}`)).toBe(false);
    completed.set(`${id}/${step}`, attempt ?? 0);
  }
  return journal;
}

/** Everything that was done was undone, last first. */
function checkUndone(journal: readonly JournalRecord[]): void {
  const done = journal.filter(({ type }) => type === "step.completed").map(({ step }) => step);
  const steps = done.slice(0, SAGA_STEPS);
  expect(done).toEqual([...steps, ...steps.toReversed().map((step) => `compensate/${step}`)]);
}
