/** Random programs: trees that are interpreted as a program, and by hand as what must come out of it. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { GloveboxError } from "../../packages/glovebox/src/core/index.ts";
import {
  defineProgram,
  type Program,
  type ProgramContext,
  type StepContext,
} from "../../packages/glovebox/src/engine/index.ts";

export type Node =
  | { readonly kind: "step" | "flaky" | "slow" | "sleep" | "values" }
  | { readonly kind: "parallel"; readonly branches: readonly Tree[] }
  | { readonly kind: "first" | "child"; readonly tree: Tree };
export type Tree = readonly Node[];

/** The outside world: `applied` is a step's effect, under the key that its target sees; `answered` is told when the program has the step's result. */
export interface World {
  applied(key: string, attempt: number): void;
  answered(key: string): void;
}

function next(value: string): string {
  return createHash("sha256").update(value).digest("hex").slice(0, 16);
}

function isWork({ kind }: Node): boolean {
  return kind === "step" || kind === "flaky" || kind === "slow";
}

/** What a tree makes of a value. */
export function expected(nodes: Tree, start: string): string {
  let value = start;
  for (const node of nodes) {
    if (isWork(node)) value = next(value);
    else if ("branches" in node) value = next(node.branches.map((branch) => expected(branch, value)).join());
    else if ("tree" in node) value = expected(node.tree, value);
  }
  return value;
}

/** How many steps of a tree complete. */
export function stepsOf(nodes: Tree): number {
  return nodes.reduce((sum, node) => {
    if (isWork(node)) return sum + 1;
    if ("branches" in node) return sum + node.branches.reduce((all, branch) => all + stepsOf(branch), 0);
    return sum + ("tree" in node ? stepsOf(node.tree) : 0);
  }, 0);
}

interface Worked {
  readonly value: string;
  readonly key: string;
}

const Input = z.object({ tree: z.custom<Tree>(() => true), value: z.string() });
type Input = z.infer<typeof Input>;

export function chaosProgram(world: World): Program<Input, string> {
  const program: Program<Input, string> = defineProgram({
    name: "chaos",
    version: "1",
    input: Input,
    output: z.string(),
    run: (ctx, input) => interpret(ctx, input.tree, input.value),
  });

  async function interpret(ctx: ProgramContext, nodes: Tree, start: string): Promise<string> {
    let value = start;
    for (const node of nodes) value = await one(ctx, node, value);
    return value;
  }

  async function one(ctx: ProgramContext, node: Node, value: string): Promise<string> {
    switch (node.kind) {
      case "step":
        return answered(await ctx.step("step", value, (input, step) => work(input, step)));
      case "flaky":
      case "slow": {
        // The slow one spends most of its time between attempts.
        const retry = { maxAttempts: 100, firstDelayMs: node.kind === "slow" ? 40 : 1, maxDelayMs: 40 };
        return answered(await ctx.step("flaky", value, (input, step) => flaky(input, step), { retry }));
      }
      case "sleep":
        await ctx.sleep(2);
        return value;
      case "values":
        await Promise.all([ctx.now(), ctx.random(), ctx.uuid(), ctx.note({ value })]);
        return value;
      case "parallel": {
        const branches = node.branches.map(
          (branch, i) => [`b${i}`, (b: ProgramContext) => interpret(b, branch, value)] as const,
        );
        const results = await ctx.parallel(Object.fromEntries(branches));
        return next(Object.values(results).join());
      }
      case "first": {
        const slow = async (b: ProgramContext) => {
          await b.sleep(600_000);
          return "never";
        };
        return (await ctx.waitAny({ slow, quick: (b) => interpret(b, node.tree, value) })).value;
      }
      case "child":
        return ctx.child(program, { tree: node.tree, value });
    }
  }

  function answered({ value, key }: Worked): string {
    world.answered(key);
    return value;
  }

  async function work(input: string, { idempotencyKey: key, attempt }: StepContext): Promise<Worked> {
    world.applied(key, attempt);
    await new Promise((resolve) => setTimeout(resolve, 1));
    return { value: next(input), key };
  }

  async function flaky(input: string, step: StepContext): Promise<Worked> {
    if (step.attempt % 2 === 1) throw new GloveboxError("unavailable", "not yet");
    return work(input, step);
  }

  return program;
}
