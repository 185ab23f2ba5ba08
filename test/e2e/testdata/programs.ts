/** Programs for the tests of runs: loaded by a real server, as `runs.programs` names it. */
import { setTimeout as delay } from "node:timers/promises";
import { defineProgram } from "glovebox/runs";
import { z } from "zod";

const anything = z.unknown();
let lives = 0;

const echo = defineProgram({
  name: "echo",
  version: "1",
  input: anything,
  output: anything,
  run: (context, input) => context.step("echo", input ?? null, (given) => given),
});

export default () => [
  /** Three steps at once, a nap, a question, and what was answered. */
  defineProgram({
    name: "release",
    version: "1",
    description: "Checks side by side, sleeps, and waits for the signal `approve`",
    input: z.strictObject({ name: z.string(), stepMs: z.number().default(5), model: z.string().default("small") }),
    output: z.strictObject({ name: z.string(), checks: z.number(), answer: anything, model: z.string() }),
    async run(context, { name, stepMs, model }) {
      const check = async (input: { readonly of: string }, signal: AbortSignal) => {
        await delay(stepMs, undefined, { signal });
        return input.of.length;
      };
      const checks = await context.parallel({
        unit: (branch) => branch.step("test", { of: name }, (input, { signal }) => check(input, signal)),
        lint: (branch) => branch.step("lint", { of: name }, (input, { signal }) => check(input, signal)),
        types: (branch) =>
          branch.step("check", { of: name }, (input, { signal, spend }) => {
            spend({ tokens: 7, toolCalls: 1 });
            return check(input, signal);
          }),
      });
      await context.sleep(stepMs);
      const answer = await context.waitFor("approve", { approval: true });
      const asked = await context.step("ask", { model, temperature: 0 }, (input) => input.model);
      return { name, checks: checks.unit + checks.lint + checks.types, answer, model: asked };
    },
  }),
  echo,
  defineProgram({
    name: "echo",
    version: "2",
    input: anything,
    output: anything,
    run: (context, input) => context.step("echo", { given: input ?? null }, (given) => given),
  }),
  defineProgram({
    name: "parent",
    version: "1",
    input: anything,
    output: anything,
    run: (context, input) => context.child(echo, input),
  }),
  /** Decides otherwise each time: what a replay finds. */
  defineProgram({
    name: "fickle",
    version: "1",
    input: anything,
    output: anything,
    run: (context) => context.step(`step ${(lives += 1)}`, null, () => "done"),
  }),
  /** Fails with words that a terminal would obey. */
  defineProgram({
    name: "hostile",
    version: "1",
    input: anything,
    output: anything,
    run: (context) =>
      context.step(
        "paint\x1b[31m",
        null,
        () => {
          throw new Error("\x1b[2J\x9b31m wiped");
        },
        { retry: { maxAttempts: 1 } },
      ),
  }),
  defineProgram({
    name: "steps",
    version: "1",
    input: z.strictObject({ steps: z.number(), characters: z.number().default(1) }),
    output: z.number(),
    async run(context, { steps, characters }) {
      for (let at = 0; at < steps; at += 1) await context.step("step", at, () => "x".repeat(characters));
      return steps;
    },
  }),
];
