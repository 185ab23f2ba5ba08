import { createHash } from "node:crypto";
import { type ZodType, z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { defineProgram, type Program, type ProgramContext } from "../../engine/index.ts";
import { type HostParts, openHost } from "../open-host.ts";
import type { AgentDesk } from "../registry/agent-desk.ts";
import { type FlowEnd, FlowResult } from "./flow-result.ts";
import { FlowScope } from "./flow-scope.ts";
import { FlowSetup } from "./flow-setup.ts";
import type { PlanStep } from "./plan.ts";
import { checkPublish, commitMessage, type PublishChange, type PublishRequest } from "./publish.ts";

/** What flows are made of: a part of the application. */
export interface FlowParts {
  readonly host: HostParts;
  readonly desk: AgentDesk;
  /** Absent: nothing can be pushed. */
  readonly publish?: PublishChange;
}

/** A flow in TypeScript. */
export interface Flow<Input = unknown> {
  /** `a` to `z`, digits and `-`. */
  readonly name: string;
  readonly version: string;
  /** For people, one line. */
  readonly description: string;
  /** Whether it works on a repository: it gets one, or it is refused. */
  readonly repository: boolean;
  readonly input: ZodType<Input>;
  /** What it will do, for the dry run. */
  readonly plan: readonly PlanStep[];
  run(scope: FlowScope, input: Input): Promise<FlowEnd>;
}

/** What a module of flows exports as its default. */
// biome-ignore lint/suspicious/noExplicitAny: a flow's input is its own business, and checked with its schema
export type FlowModule = readonly Flow<any>[];

/** What the sandbox is made of unless said otherwise: there is Python and Node in it. */
const TEMPLATE = "ci";
const NAME = /^[a-z][a-z0-9-]{0,59}$/;

/** Declares a flow. Errors: `invalid_argument` on a name that cannot be one. */
export function defineFlow<Input>(flow: Flow<Input>): Flow<Input> {
  if (NAME.test(flow.name)) return flow;
  throw new GloveboxError("invalid_argument", "a flow is named by a to z, 0 to 9 and -, at most 60 of them", {
    details: { path: "name" },
  });
}

/** The program that a flow is run as. */
export function programName(flow: string): string {
  return `flow.${flow}`;
}

/** A flow as a program of the engine: opens the repository, does the flow, and reads from the repository what came of it. */
export function flowProgram<Input>(flow: Flow<Input>, parts: FlowParts): Program {
  const input = z.strictObject({ setup: FlowSetup.prefault({}), input: flow.input });
  return defineProgram({
    name: programName(flow.name),
    version: flow.version,
    description: flow.description,
    input,
    output: FlowResult,
    run: async (context, given) => {
      const { setup } = given;
      if (flow.repository !== (setup.repository !== undefined)) {
        const why = flow.repository ? "works on a repository: name one" : "works on no repository";
        throw new GloveboxError("invalid_argument", `the flow ${flow.name} ${why}`, {
          details: { path: "repository" },
        });
      }
      checkPublish(setup, parts.publish);
      const host = await openHost(context, parts.host, { template: TEMPLATE, ...setup });
      const scope = new FlowScope({ host, desk: parts.desk, deterministic: setup.deterministic });
      const end = await flow.run(scope, given.input as Input);
      const result = await resultOf(flow.name, scope, end);
      return await published(context, parts, { flow: flow.name, setup, result });
    },
  }) as unknown as Program;
}

async function resultOf(flow: string, scope: FlowScope, { tests = undefined, ...end }: FlowEnd): Promise<FlowResult> {
  const { bench } = scope.host;
  const steps = [...scope.reports];
  if (bench === undefined) return { ...end, steps, branch: null, diff: "", changes: [], tests: tests ?? null };
  const changed = await bench.changes("changes");
  const changes = changed.changes.map((change) => ({ ...change }));
  const { head, dirty } = bench.base;
  return {
    ...end,
    steps,
    branch: changes.length === 0 ? null : branchName(flow, changes),
    ...(head !== undefined && { head }),
    dirty,
    diff: changed.diff.text,
    changes,
    tests: tests ?? null,
  };
}

/** Pushes what a flow that came to its end has changed. */
async function published(
  context: ProgramContext,
  { publish }: FlowParts,
  { flow, setup, result }: { readonly flow: string; readonly setup: FlowSetup; readonly result: FlowResult },
): Promise<FlowResult> {
  const { repository, publish: how } = setup;
  const { branch, head, status } = result;
  const isWanted = publish !== undefined && how !== undefined && branch !== null && status === "completed";
  if (!isWanted || repository?.kind !== "repository" || head === undefined) return result;
  const request: PublishRequest = {
    repositoryId: repository.repositoryId,
    base: head,
    branch,
    changes: result.changes,
    message: commitMessage(flow, result),
    ...(how === "pull_request" && { into: repository.ref ?? null }),
  };
  // What is pushed is what the repository has, not what the journal kept of it: there, whatever looks like a secret is masked.
  const done = await context.step("publish", request, (_kept, step) => publish(context.tenantId, request, step.signal));
  return { ...result, published: { ...done } };
}

/** The same change has the same branch. */
function branchName(flow: string, changes: readonly unknown[]): string {
  const hash = createHash("sha256").update(JSON.stringify(changes)).digest("hex");
  return `glovebox/${flow}-${hash.slice(0, 10)}`;
}
