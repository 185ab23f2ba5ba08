import type { SandboxBench } from "../../runs/index.ts";
import type { Contexts } from "../expressions/contexts.ts";
import type { Step } from "../workflow/workflow.ts";
import { CommandReader, type Said } from "./command-reader.ts";
import { CHANGEABLE_VARIABLES, defaultVariables, RUNNER_CONTEXT } from "./default-variables.ts";
import { MAX_FILE_BYTES, parseEntries, parsePaths } from "./environment-file.ts";
import { hashFiles } from "./hash-files.ts";
import type { JobMemory } from "./job-memory.ts";
import type { Annotation, GithubContext, JobHost, JobRun, StepConclusion } from "./job-run.ts";
import type { Launch } from "./launch-script.ts";
import { LAYOUT, stepFolder } from "./layout.ts";
import { type ProblemMatcher, ProblemMatchers } from "./problem-matcher.ts";
import { readSmall } from "./read-small.ts";
import { type ProcessEnd, runProcess } from "./run-process.ts";
import type { Scope } from "./scope.ts";
import type { PreWork } from "./set-up-job.ts";
import { StepExpressions } from "./step-expressions.ts";
import type { PostWork, StepEffects } from "./step-record.ts";

export interface StepRunParts {
  readonly job: JobRun;
  readonly host: JobHost;
  readonly memory: JobMemory;
  readonly bench: SandboxBench;
  readonly secrets: Readonly<Record<string, string>>;
  /** What actions find artifacts and caches by. */
  readonly toolkit: Readonly<Record<string, string>>;
  /** What the steps before left, as it is. */
  readonly before: readonly StepEffects[];
  readonly matchers: readonly ProblemMatcher[];
  readonly number: number;
}

/** What a program is started with, but for what the runner adds. */
export type ProcessPlan = Pick<Launch, "files" | "programs" | "args" | "cwd"> & {
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs?: number | undefined;
};

/** How a process ended, in the words of steps. */
export interface ProcessResult {
  readonly outcome: Extract<StepConclusion, "success" | "failure" | "cancelled">;
  readonly outputs: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
}

/** GitHub's words for it. The names are those of the runner's own list. */
const REFUSED_IN_ENV = new Set(["NODE_OPTIONS"]);

/** A job's step while it is done, with all that is within it: what it may use, and what came of it. */
export class StepRun {
  readonly job: JobRun;
  readonly host: JobHost;
  readonly memory: JobMemory;
  readonly bench: SandboxBench;
  readonly secrets: Readonly<Record<string, string>>;
  readonly toolkit: Readonly<Record<string, string>>;
  readonly number: number;
  readonly annotations: Annotation[] = [];
  readonly posts: PostWork[] = [];
  readonly pres: PreWork[] = [];
  readonly matchers = { added: [] as ProblemMatcher[], removed: [] as string[] };
  readonly state: Record<string, Record<string, string>>;
  /** Of the actions before it that do something after the job, by place. */
  readonly inputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  summary = "";
  exitCode: number | undefined;
  error: string | undefined;
  readonly #active: ProblemMatchers;
  readonly #env: Map<string, string>;
  readonly #paths: string[];
  readonly #newEnv: Record<string, string> = {};
  readonly #newPaths: string[] = [];
  readonly #newState: Record<string, Record<string, string>> = {};
  readonly #newInputs: Record<string, Readonly<Record<string, string>>> = {};
  #hashes = 0;

  constructor(parts: StepRunParts) {
    const { before } = parts;
    this.job = parts.job;
    this.host = parts.host;
    this.memory = parts.memory;
    this.bench = parts.bench;
    this.secrets = parts.secrets;
    this.toolkit = parts.toolkit;
    this.number = parts.number;
    this.#active = new ProblemMatchers(parts.matchers);
    this.#env = new Map(before.flatMap(({ env }) => Object.entries(env)));
    this.#paths = before.flatMap(({ paths }) => paths);
    this.inputs = Object.assign({}, ...before.map(({ inputs }) => inputs)) as typeof this.inputs;
    this.state = Object.assign({}, ...before.map(({ state }) => state)) as Record<string, Record<string, string>>;
  }

  /** What it leaves to the steps after it. */
  effects(outputs: Readonly<Record<string, string>>): StepEffects {
    return { env: this.#newEnv, paths: this.#newPaths, outputs, state: this.#newState, inputs: this.#newInputs };
  }

  fail(error: unknown): void {
    this.error ??= error instanceof Error ? error.message : String(error);
  }

  /** Expressions as a step of `scope` sees them. `env` is what {@link environment} gave. */
  expressions(
    scope: Scope,
    more: { readonly env: Readonly<Record<string, string>>; readonly github: GithubContext },
  ): StepExpressions {
    const { contexts } = this.job;
    const { vars, matrix, strategy, needs } = contexts;
    const { action } = scope;
    const token = this.secrets.GITHUB_TOKEN ?? "";
    const all: Contexts = {
      github: { ...more.github, token },
      runner: { ...RUNNER_CONTEXT },
      env: { ...more.env },
      vars,
      inputs: action?.inputs ?? contexts.inputs,
      matrix,
      strategy,
      needs,
      steps: Object.fromEntries(
        [...scope.steps].map(([id, { outputs, outcome, conclusion }]) => [
          id,
          { outputs: { ...outputs }, outcome, conclusion },
        ]),
      ),
      job: { status: statusOf(scope) },
      ...(action === undefined && { secrets: { ...this.secrets } }),
    };
    const hash = (patterns: readonly string[]) => {
      this.#hashes += 1;
      return hashFiles(this.bench, `${this.number}-hash-${this.#hashes}`, patterns);
    };
    return new StepExpressions({ contexts: all, status: scope.status, hashFiles: hash });
  }

  /** The `github` context of a step. */
  github(scope: Scope, id: string | undefined): GithubContext {
    const { action } = scope;
    return {
      ...this.job.contexts.github,
      job: this.job.job.id,
      workspace: LAYOUT.workspace,
      event_path: LAYOUT.event,
      action: id ?? "__run",
      ...(action !== undefined && { action_path: action.folder }),
      ...(action?.repository !== undefined && { action_repository: action.repository }),
      ...(action?.ref !== undefined && { action_ref: action.ref }),
    };
  }

  /** What stands under a step's own `env`: the workflow's, the job's, what steps before set, and what the actions around it set. */
  async environment(scope: Scope, github: GithubContext): Promise<Record<string, string>> {
    const { workflow, job } = this.job;
    const outer = this.expressions({ ...scope, steps: new Map() }, { env: {}, github });
    const ofWorkflow = await outer.texts(workflow.env);
    const ofJob = await outer.texts(job.env);
    return { ...ofWorkflow, ...ofJob, ...Object.fromEntries(this.#env), ...scope.env };
  }

  /** Runs a program as (a part of) a step, and takes what it says. `place`: unique in the job. */
  async process(place: string, plan: ProcessPlan, github: GithubContext): Promise<ProcessResult> {
    const { bench } = this;
    const folder = stepFolder(place);
    const reader = await this.#reader(plan.cwd);
    const launch = async () => ({
      ...plan,
      folder,
      env: { ...CHANGEABLE_VARIABLES, ...plan.env, ...defaultVariables(github) },
      // The one that was said last is looked at first.
      paths: [...this.#paths].reverse(),
    });
    const end = await runProcess(bench, place, launch, { folder, reader });
    const said = await reader.said();
    await this.memory.remember(bench, said.masks);
    this.exitCode = end.exitCode;
    return this.#take(end, said, plan.timeoutMs);
  }

  async #reader(cwd: string): Promise<CommandReader> {
    const { bench } = this;
    const masks = await bench.masks().catch((error: unknown) => asError(error));
    return new CommandReader({
      matchers: this.#active,
      mask: (values) => {
        if (masks instanceof Error) throw masks;
        masks.add(values);
      },
      readFile: async (path) => readSmall(bench, path.startsWith("/") ? path : `${cwd}/${path}`),
      onMatchers: (change) => {
        if ("added" in change) this.matchers.added.push(...change.added);
        else this.matchers.removed.push(change.removed);
      },
    });
  }

  #take(end: ProcessEnd, said: Said, timeoutMs: number | undefined): ProcessResult {
    this.annotations.push(...said.annotations);
    const outputs = new Map(said.outputs);
    const state = new Map(said.state);
    const problems = [...said.errors];
    this.#takeFiles(end, { outputs, state, problems });
    for (const problem of problems) this.annotations.push({ level: "error", message: problem });
    const outcome =
      end.status === "cancelled" ? "cancelled" : end.status === "ok" && problems.length === 0 ? "success" : "failure";
    if (outcome === "failure") this.fail(new Error(problems[0] ?? reasonOf(end, timeoutMs)));
    return { outcome, outputs: Object.fromEntries(outputs), state: Object.fromEntries(state) };
  }

  #takeFiles(
    { files }: ProcessEnd,
    into: { readonly outputs: Map<string, string>; readonly state: Map<string, string>; readonly problems: string[] },
  ): void {
    const attempt = (name: string, take: () => void) => {
      try {
        take();
      } catch (error) {
        into.problems.push(`Unable to process file command '${name}' successfully: ${asError(error).message}`);
      }
    };
    attempt("env", () => this.#setEnvironment(parseEntries(files.env)));
    attempt("path", () => {
      this.#paths.push(...parsePaths(files.path));
      this.#newPaths.push(...parsePaths(files.path));
    });
    attempt("output", () => {
      for (const [name, value] of parseEntries(files.output)) into.outputs.set(name, value);
    });
    attempt("state", () => {
      for (const [name, value] of parseEntries(files.state)) into.state.set(name, value);
    });
    this.#summarise(files.summary);
  }

  #setEnvironment(entries: ReadonlyMap<string, string>): void {
    for (const [name, value] of entries) {
      if (REFUSED_IN_ENV.has(name.toUpperCase())) {
        const message = `Can't store ${name.toUpperCase()} output parameter using '$GITHUB_ENV' command.`;
        this.annotations.push({ level: "error", message });
        continue;
      }
      this.#env.set(name, value);
      this.#newEnv[name] = value;
    }
  }

  #summarise(text: string): void {
    if (text.trim() === "") return;
    if (Buffer.byteLength(text) + Buffer.byteLength(this.summary) <= MAX_FILE_BYTES) {
      this.summary += text;
      return;
    }
    const message = "$GITHUB_STEP_SUMMARY supports content up to a size of 1024k for a step; this one was left out";
    this.annotations.push({ level: "error", message });
  }

  /** Keeps what an action says to its own later parts. */
  keepState(place: string, state: Readonly<Record<string, string>>): void {
    const all = { ...this.state[place], ...state };
    this.state[place] = all;
    this.#newState[place] = all;
  }

  /** Keeps an action's inputs for what it does after the job. */
  keepInputs(place: string, inputs: Readonly<Record<string, string>>): void {
    this.#newInputs[place] = inputs;
  }
}

/** What a step's script was, for the log: the first line says enough. */
export function nameOf(step: Step): string {
  if (step.name !== undefined && step.name !== "") return step.name;
  return step.kind === "uses" ? `Run ${step.uses}` : `Run ${step.run.trimStart().split("\n", 1)[0] ?? ""}`;
}

export function statusOf({ status }: Pick<Scope, "status">): StepConclusion {
  return status.cancelled() ? "cancelled" : status.failure() ? "failure" : "success";
}

function reasonOf({ status, exitCode }: ProcessEnd, timeoutMs: number | undefined): string {
  switch (status) {
    case "error":
      return `Process completed with exit code ${exitCode}.`;
    case "timeout":
      return timeoutMs === undefined
        ? "The step has timed out."
        : `The step has timed out after ${Math.round(timeoutMs / 600) / 100} minutes.`;
    case "memory_limit":
      return "The step used more memory than its session has.";
    case "cpu_limit":
      return "The step used more CPU time than it may.";
    case "events_limit":
      return "The step wrote more lines than a log may have.";
    default:
      return `The step's process ended as ${status}.`;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
