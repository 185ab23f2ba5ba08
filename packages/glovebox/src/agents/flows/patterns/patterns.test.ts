import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GloveboxError } from "../../../core/index.ts";
import type { ProgramContext } from "../../../engine/index.ts";
import { openProgramStage, type ProgramStage } from "../../testing/program-stage.ts";
import { best, concatenation, synthesis, vote } from "./aggregate.ts";
import { chain } from "./chain.ts";
import { optimize } from "./optimize.ts";
import { orchestrate } from "./orchestrate.ts";
import { parallel } from "./parallel.ts";
import { route } from "./route.ts";
import type { Worker } from "./worker.ts";

describe("the patterns of flows", { timeout: 30_000 }, () => {
  let stage: ProgramStage;
  beforeAll(async () => {
    stage = await openProgramStage();
  });
  afterAll(() => stage?.[Symbol.asyncDispose]());
  /** Runs it to its end, and makes sure that a replay decides the same. */
  const run = <T>(work: (context: ProgramContext) => Promise<T>) => stage.run(work);

  const say =
    (text: string): Worker<unknown, string> =>
    (context, input) =>
      context.step("say", { text, input }, ({ text: said, input: given }) => `${said}(${String(given)})`);

  it("chain: each stage gets what the one before made, and a gate ends it", async () => {
    const stages = [
      { name: "a", work: say("a") },
      { name: "b", work: say("b"), goOn: (text: string) => !text.includes("stop") },
      { name: "c", work: say("c") },
    ];
    expect(await run((context) => chain<string>(context, "x", stages))).toEqual({ result: "c(b(a(x)))" });
    expect(await run((context) => chain<string>(context, "stop", stages))).toEqual({
      result: "b(a(stop))",
      endedAfter: "b",
    });
  });

  it("route: one way is taken, an unknown one only where there is a way for it", async () => {
    const routes = { short: say("short"), long: say("long") };
    const choose: Worker<string, string> = async (context, input) =>
      context.step("look", input, (text) => (text.length < 3 ? "short" : text.length < 6 ? "long" : "toString"));
    expect(await run((context) => route(context, "ab", { choose, routes }))).toEqual({
      route: "short",
      result: "short(ab)",
    });
    expect(await run((context) => route(context, "abcdefg", { choose, routes, otherwise: say("other") }))).toEqual({
      route: "otherwise",
      result: "other(abcdefg)",
    });
    await expect(run((context) => route(context, "abcdefg", { choose, routes }))).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  it("parallel: workers are at work at the same time, and their results are in the order of declaration", async () => {
    // Each waits in its step until the other is there: one after the other would never end.
    const here = new Set<string>();
    const meet =
      (name: string): Worker<string, string> =>
      (context, input) =>
        context.step("meet", input, async (given, { signal }) => {
          here.add(name);
          while (here.size < 2) {
            signal.throwIfAborted();
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          return `${name} ${given}`;
        });
    const workers = { b: meet("b"), a: meet("a") };
    expect(await run((context) => parallel(context, "x", workers, concatenation(String)))).toBe(
      "## b\n\nb x\n\n## a\n\na x",
    );
  });

  it("parallel: one at a time where that is asked for; the first failure ends the others", async () => {
    let busy = 0;
    let most = 0;
    const count: Worker<string, number> = (context, input) =>
      context.step("count", input, async () => {
        busy += 1;
        most = Math.max(most, busy);
        await new Promise((resolve) => setTimeout(resolve, 5));
        busy -= 1;
        return 1;
      });
    const all = { a: count, b: count, c: count };
    await run((context) => parallel(context, "x", all, concatenation(String), { concurrency: 1 }));
    expect(most).toBe(1);
    const failing = { a: count, b: () => Promise.reject(new GloveboxError("conflict", "no")) };
    await expect(run((context) => parallel(context, "x", failing, concatenation(String)))).rejects.toMatchObject({
      code: "conflict",
    });
  });

  it("aggregates: the best, the vote and the synthesis; among equals the first", async () => {
    const workers = { one: say("aa"), two: say("b"), three: say("aa") };
    const length = (text: string) => text.length;
    expect(await run((context) => parallel(context, 1, workers, best(length)))).toEqual({
      branch: "one",
      result: "aa(1)",
      score: 5,
    });
    const scoreless = () => Number.NaN;
    await expect(run((context) => parallel(context, 1, workers, best(scoreless)))).rejects.toMatchObject({
      code: "invalid_argument",
    });
    expect(await run((context) => parallel(context, 1, workers, vote(String)))).toEqual({
      value: "aa(1)",
      votes: 2,
      of: 3,
      isMajority: true,
    });
    expect(await run((context) => parallel(context, 1, { a: say("x"), b: say("y") }, vote(String)))).toMatchObject({
      value: "x(1)",
      isMajority: false,
    });
    const join = synthesis<string, string>((context, results) =>
      context.step("join", results, (given) => given.map(({ branch, result }) => `${branch}=${result}`).join(" ")),
    );
    expect(await run((context) => parallel(context, 1, workers, join))).toBe("one=aa(1) two=b(1) three=aa(1)");
  });

  it("orchestrate: workers get the plan and what they come after, and a cycle is refused before any begins", async () => {
    const began: string[] = [];
    const parts = (plan: readonly { id: string; task: string; after?: string[] }[]) => ({
      plan: async () => plan,
      work: (
        context: ProgramContext,
        given: { id: string; task: string; plan: readonly unknown[]; results: readonly { result: string }[] },
      ) =>
        context.step("work", given, ({ id, task, plan: all, results }) => {
          began.push(id);
          return `${task}/${all.length}[${results.map(({ result }) => result).join()}]`;
        }),
      synthesise: async (_context: ProgramContext, given: { goal: string; results: readonly { result: string }[] }) =>
        `${given.goal}: ${given.results.map(({ result }) => result).join(" ")}`,
    });
    const diamond = parts([
      { id: "end", task: "E", after: ["left", "right"] },
      { id: "left", task: "L", after: ["start"] },
      { id: "right", task: "R", after: ["start"] },
      { id: "start", task: "S" },
    ]);
    expect(await run((context) => orchestrate(context, "goal", diamond))).toBe(
      "goal: E/4[L/4[S/4[]],R/4[S/4[]]] L/4[S/4[]] R/4[S/4[]] S/4[]",
    );
    expect([began[0], began[3]]).toEqual(["start", "end"]);
    began.length = 0;
    const circle = parts([
      { id: "a", task: "A", after: ["b"] },
      { id: "b", task: "B", after: ["a"] },
    ]);
    await expect(run((context) => orchestrate(context, "goal", circle))).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("a → b → a"),
    });
    expect(began).toEqual([]);
  });

  it("optimize: what was judged reaches the generator; it ends when accepted, without patience, or with the best so far", async () => {
    const given: (string | undefined)[] = [];
    const parts = (scores: readonly number[], accept = 100) => ({
      generate: (
        context: ProgramContext,
        { round, previous }: { round: number; previous?: { verdict: { feedback: string } } },
      ) =>
        context.step("make", { round, feedback: previous?.verdict.feedback }, (asked) => {
          given.push(asked.feedback);
          return `candidate ${asked.round}`;
        }),
      evaluate: async (_context: ProgramContext, { round }: { round: number }) => {
        const score = scores[round - 1] ?? 0;
        return { score, accepted: score >= accept, feedback: `scored ${score}` };
      },
    });
    expect(await run((context) => optimize(context, "x", parts([1, 100, 5])))).toMatchObject({
      candidate: "candidate 2",
      accepted: true,
      round: 2,
      rounds: 2,
    });
    expect(given).toEqual([undefined, "scored 1"]);
    expect(await run((context) => optimize(context, "x", { ...parts([7, 9, 9, 8]), rounds: 4 }))).toMatchObject({
      candidate: "candidate 2",
      accepted: false,
      rounds: 4,
    });
    expect(
      await run((context) => optimize(context, "x", { ...parts([9, 1, 1, 100]), rounds: 4, patience: 2 })),
    ).toMatchObject({ candidate: "candidate 1", rounds: 3 });
  });
});
