import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { defineProgram, openEmbeddedEngine, type Program, type ProgramContext } from "../engine/index.ts";
import { TENANT } from "../sessions/testing/stage.ts";
import { takeBack } from "./take-back.ts";
import { openRunStage, type RunStage } from "./testing/run-stage.ts";

let at: RunStage;
beforeEach(async () => {
  at = await openRunStage();
});
afterEach(() => at[Symbol.asyncDispose]());

const anything = z.unknown();
const programOf = (name: string, run: (context: ProgramContext) => Promise<unknown>): Program =>
  defineProgram({ name, version: "1", input: anything, output: anything, run });

const text = (path: string, content: string) => ({ kind: "text", path, content }) as const;

/** What the store has now, by path. */
async function current(): Promise<Readonly<Record<string, string>>> {
  const { items } = await at.context.list(TENANT);
  const all = items.map(async ({ id, path = "" }) => [path, (await at.context.get(TENANT, id)).content] as const);
  return Object.fromEntries((await Promise.all(all)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function until(is: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await is())) {
    if (performance.now() > deadline) throw new Error("it never was so");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("what a run wrote goes back with it to the cut; what steps before it wrote stays, and what others wrote", {
  timeout: 60_000,
}, async () => {
  let round = 0;
  const writes = programOf("writes", async (context) => {
    const add = (run: ProgramContext, path: string, content: string) =>
      at.documents.add(run, `add ${path}`, [text(path, content)]);
    const { documents } = await add(context, "kept", "one");
    await context.parallel({ a: (run) => add(run, "a", "by a"), b: (run) => add(run, "b", "by b") });
    const mark = await context.step("round", null, () => {
      round += 1;
      return round;
    });
    await add(context, "kept", `changed in ${mark}`);
    await add(context, `of ${mark}`, "new");
    await at.documents.remove(context, "end it", documents[0]?.id ?? "");
    return (await at.documents.search(context, "search", { query: `new of ${mark}` })).hits.length > 0;
  });
  await at.context.add(TENANT, [{ ...text("person", "theirs"), origin: "person" }]);
  const id = await at.start(writes, null);
  expect(await at.engine.result(TENANT, id)).toBe(true);
  expect(await current()).toEqual({ a: "by a", b: "by b", "of 1": "new", person: "theirs" });
  await at.context.add(TENANT, [{ ...text("a", "by a, and a person"), origin: "person" }]);
  const restored = await at.engine.rollback(TENANT, id, { step: "round" });
  expect(restored).toEqual({ context: { documents: 2, kept: 0, conflicts: [] } });
  expect(await at.engine.result(TENANT, id)).toBe(true);
  const after = { a: "by a, and a person", b: "by b", "of 2": "new", person: "theirs" };
  expect(await current()).toEqual(after);
  const first = await at.engine.rollback(TENANT, id, { step: "add kept" });
  expect(first).toMatchObject({
    context: { documents: 4, kept: 1, conflicts: [{ path: "a", reason: "changed_since" }] },
  });
  expect(await at.engine.result(TENANT, id)).toBe(true);
  expect(await current()).toEqual({ ...after, "of 2": undefined, "of 3": "new", a: "by a" });
  expect(await at.engine.replay(TENANT, id)).toMatchObject({ identical: true });
  expect(await at.engine.verify(TENANT, id)).toMatchObject({ ok: true });
});

test("runs that it had started since go back with it, whole, also while they write; those from before stay", {
  timeout: 60_000,
}, async () => {
  const grandchild = programOf("grandchild", (run) => at.documents.add(run, "add", [text("of a grandchild", "x")]));
  const writing = (name: string, path: string) =>
    programOf(name, async (run) => {
      await at.documents.add(run, "add", [text(path, "x")]);
      await run.child(grandchild, null);
      return run.waitFor("end");
    });
  const [before, since] = [writing("before", "of before"), writing("since", "of since")];
  const parent = programOf("parent", async (context) => {
    const both = context.parallel({
      before: (run) => run.child(before, null),
      later: async (run) => {
        await run.waitFor("go");
        return run.child(since, null);
      },
    });
    return both;
  });
  const id = await at.start(parent, null);
  const kids = async () => (await at.engine.list(TENANT, { parentId: id })).items;
  const waits = async (count: number) => {
    const all = await kids();
    return (
      all.filter(({ status, waitingFor }) => status === "waiting" && waitingFor?.[0] === "signal").length === count
    );
  };
  await until(() => waits(1));
  await at.engine.signal(TENANT, id, "go");
  await until(() => waits(2));
  expect(await current()).toEqual({ "of a grandchild": "x", "of before": "x", "of since": "x" });
  const [late] = await kids();
  await at.engine.rollback(TENANT, id, { step: "parallel/later/since" });
  await until(async () => (await at.engine.get(TENANT, late?.id ?? "")).status === "cancelled");
  // The signal came before the cut: the child is started anew, and writes what was taken back.
  await until(async () => (await kids()).length === 3 && (await waits(2)));
  expect(await current()).toEqual({ "of a grandchild": "x", "of before": "x", "of since": "x" });
  const since1 = (await at.context.list(TENANT)).items.find(({ path }) => path === "of since");
  expect((await at.context.history(TENANT, since1?.id ?? "")).map(({ restores }) => restores)).toEqual([
    undefined,
    0,
    undefined,
  ]);
  for (const { id: kid, status } of await kids())
    if (status === "waiting") await at.engine.signal(TENANT, kid, "end", 1);
  expect(await at.engine.result(TENANT, id)).toEqual({ before: 1, later: 1 });
});

test("a rollback that ends between its parts is finished by the next engine: each document goes back once", {
  timeout: 60_000,
}, async () => {
  const program = programOf("stops", async (context) => {
    await context.step("first", null, () => {});
    await at.documents.add(context, "add", [text("notes", "by the run")]);
    return context.waitFor("go");
  });
  await at.context.add(TENANT, [{ ...text("notes", "before"), origin: "person" }]);
  const { store } = at.stage;
  await at.engine.close();
  const whole = takeBack(at.sandboxes, at.context);
  const restored = Promise.withResolvers<void>();
  // All is put back, and then its journal never says so.
  const engine = await openEmbeddedEngine({
    store,
    programs: [program],
    onRollback: async (...asked) => {
      await whole(...asked);
      restored.resolve();
      await new Promise<never>(() => {});
    },
  });
  const { id } = await engine.start(program, null, { tenantId: TENANT });
  await until(async () => (await engine.get(TENANT, id)).status === "waiting");
  expect(await current()).toEqual({ notes: "by the run" });
  const cut = expect(engine.rollback(TENANT, id, { step: "add" })).rejects.toMatchObject({ code: "unavailable" });
  await restored.promise;
  await engine.close();
  await cut;
  expect(await current()).toEqual({ notes: "before" });
  await at.reopen([program]);
  await until(async () => (await at.engine.get(TENANT, id)).rollbacks === 1);
  await until(async () => (await current()).notes === "by the run");
  const [notes] = (await at.context.list(TENANT)).items;
  const history = await at.context.history(TENANT, notes?.id ?? "");
  expect(history.map(({ restores, runId }) => [restores, runId])).toEqual([
    [undefined, id],
    [1, id],
    [undefined, id],
    [undefined, undefined],
  ]);
  await at.engine.signal(TENANT, id, "go", "on");
  expect(await at.engine.result(TENANT, id)).toBe("on");
});
