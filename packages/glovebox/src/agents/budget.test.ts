import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Budget } from "../core/index.ts";
import type { ProgramContext } from "../engine/index.ts";
import { withBudget } from "./budget.ts";
import { openProgramStage, type ProgramStage } from "./testing/program-stage.ts";

describe("the budget of one agent", { timeout: 30_000 }, () => {
  let stage: ProgramStage;
  beforeAll(async () => {
    stage = await openProgramStage();
  });
  afterAll(() => stage?.[Symbol.asyncDispose]());

  const run = (budget: Budget | undefined, work: (context: ProgramContext) => Promise<unknown>) =>
    stage
      .run((context) => withBudget(context, budget, "writer", work))
      .then(
        (result) => ({ result }),
        ({ code, details }: { code: string; details: unknown }) => ({ code, details }),
      );

  const spend = (context: ProgramContext, name: string, tokens: number, own?: Budget) =>
    context.step(
      name,
      tokens,
      (given, step) => {
        step.spend({ tokens: given, toolCalls: 1 });
        return name;
      },
      own === undefined ? {} : { budget: own },
    );

  it("lets what is within pass, with the steps' own results", async () => {
    const work = async (context: ProgramContext) => [
      await spend(context, "a", 40),
      ...Object.values(await context.parallel({ b: (own) => spend(own, "b", 30), c: (own) => spend(own, "c", 30) })),
    ];
    expect(await run({ tokens: 100 }, work)).toEqual({ result: ["a", "b", "c"] });
    expect(await run(undefined, work)).toEqual({ result: ["a", "b", "c"] });
  });

  it("ends the step that goes beyond, what others used counted", async () => {
    const ended = await run({ toolCalls: 2 }, async (context) => {
      for (const name of ["a", "b", "c"]) await spend(context, name, 1);
    });
    expect(ended).toMatchObject({ code: "budget_exceeded", details: { what: "toolCalls" } });
  });

  it("sees what branches used together", async () => {
    const ended = await run({ tokens: 100 }, (context) =>
      context.parallel({ a: (own) => spend(own, "a", 60), b: (own) => spend(own, "b", 60) }),
    );
    expect(ended).toMatchObject({ code: "budget_exceeded", details: { of: "writer", what: "tokens", used: 120 } });
  });

  it("keeps a step's own budget where that is smaller", async () => {
    const ended = await run({ tokens: 100 }, (context) => spend(context, "a", 20, { tokens: 10 }));
    expect(ended).toMatchObject({ code: "budget_exceeded", details: { what: "tokens", limit: 10 } });
  });

  it("ends what takes too long", async () => {
    const ended = await run({ wallMs: 50 }, (context) =>
      context.step(
        "wait",
        {},
        (_given, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      ),
    );
    expect(ended).toMatchObject({ code: "budget_exceeded", details: { of: "writer", what: "wallMs", limit: 50 } });
  });
});
