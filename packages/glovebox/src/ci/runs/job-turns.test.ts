import { expect, test } from "vitest";
import { TENANT } from "../../sessions/testing/stage.ts";
import { openCiStage, WORKFLOW } from "./testing/ci-stage.ts";

const TEXT = `on: push
jobs:
  one: {runs-on: ubuntu-latest, steps: [{run: sleep 0.3}]}
  two: {runs-on: ubuntu-latest, steps: [{run: sleep 0.3}]}
`;

test("jobs wait for their turn, one at a time where only one may work, and a restart forgets none of them", {
  timeout: 90_000,
}, async () => {
  await using at = await openCiStage({ maxConcurrentJobs: 1 });
  const begun = (await Promise.all([1, 2, 3].map(() => at.start({ [WORKFLOW]: TEXT })))).flat();
  const first = await Promise.race(
    begun.map(({ id }) => at.until(id, ({ jobs }) => jobs.some(({ steps }) => steps.length > 0))),
  );
  expect(await at.open()).toBeLessThanOrEqual(1);
  const waiting = first.jobs.find(({ status }) => status === "queued");
  expect(waiting).toMatchObject({ waitsFor: "queue" });
  // What only waits is no work of the engine's: others may go on.
  const waits = async () => (await at.engine.list(TENANT, { status: ["waiting"] })).items.length;
  await expect.poll(waits, { timeout: 20_000 }).toBeGreaterThan(0);
  await at.reopen();
  const ended = await Promise.all(begun.map(({ id }) => at.end(id)));
  expect(ended.map(({ conclusion }) => conclusion)).toEqual(["success", "success", "success"]);
  const jobs = ended.flatMap((run) => run.jobs).toSorted((a, b) => (a.startedAtMs ?? 0) - (b.startedAtMs ?? 0));
  for (const [index, job] of jobs.entries()) {
    const next = jobs[index + 1];
    if (next !== undefined) expect(next.startedAtMs).toBeGreaterThanOrEqual(job.endedAtMs ?? Number.POSITIVE_INFINITY);
  }
  expect(await at.open()).toBe(0);
});
