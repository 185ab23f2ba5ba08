import { GloveboxError } from "../../core/index.ts";
import { checkBudget } from "../budget.ts";
import { outsideProgram } from "../guard/guard.ts";
import type {
  Branches,
  BranchResults,
  FirstOf,
  Program,
  ProgramContext,
  StepContext,
  StepOptions,
  WaitOptions,
} from "../program.ts";
import type { Machine } from "./machine.ts";
import type { OpSpec } from "./operation.ts";
import type { Scope } from "./scope.ts";

/** About 270 years, as in `Date`'s range; what is longer is a mistake. */
const MAX_MS = 2 ** 43;

/** The context of a program, or of one of its branches. */
export class EmbeddedContext implements ProgramContext {
  readonly runId: string;
  readonly tenantId: string;
  readonly #machine: Machine;
  readonly #scope: Scope;

  constructor(run: { readonly runId: string; readonly tenantId: string }, machine: Machine, scope: Scope) {
    this.runId = run.runId;
    this.tenantId = run.tenantId;
    this.#machine = machine;
    this.#scope = scope;
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  step<Input, Result>(
    name: string,
    input: Input,
    work: (input: Input, context: StepContext) => Result | Promise<Result>,
    options: StepOptions<Awaited<Result>> = {},
  ): Promise<Awaited<Result>> {
    return started(async () => {
      if (options.timeoutMs !== undefined) checkMs(options.timeoutMs, "timeoutMs");
      checkBudget(options.budget ?? {});
      const spec = { kind: "step", work, options } as unknown as OpSpec;
      return this.#ask(name, spec, input);
    }) as Promise<Awaited<Result>>;
  }

  sleep(ms: number): Promise<void> {
    return started(async () => {
      checkMs(ms, "ms");
      await this.#ask("sleep", { kind: "sleep", ms }, { ms });
    });
  }

  waitFor(signal: string, { timeoutMs, approval = false }: WaitOptions = {}): Promise<unknown> {
    return started(async () => {
      if (timeoutMs !== undefined) checkMs(timeoutMs, "timeoutMs");
      if (signal.startsWith("$"))
        throw new GloveboxError("invalid_argument", "signals that begin with $ are the engine's");
      const decided = { signal, timeoutMs, ...(approval ? { approval } : {}) };
      return this.#ask(signal, { kind: "wait", signal, timeoutMs, approval }, decided);
    });
  }

  child<Input, Output>(
    program: Program<Input, Output>,
    input: Input,
    options: { readonly name?: string } = {},
  ): Promise<Output> {
    return started(async () => {
      const decided = { program: program.name, version: program.version, input };
      const spec: OpSpec = { kind: "child", program: program as Program };
      return (await this.#ask(options.name ?? program.name, spec, decided)) as Output;
    });
  }

  now(): Promise<number> {
    return started(async () => (await this.#ask("now", { kind: "now" })) as number);
  }

  random(): Promise<number> {
    return started(async () => (await this.#ask("random", { kind: "random" })) as number);
  }

  uuid(): Promise<string> {
    return started(async () => (await this.#ask("uuid", { kind: "uuid" })) as string);
  }

  budget(): Promise<Awaited<ReturnType<ProgramContext["budget"]>>> {
    return started(async () => {
      return (await this.#ask("budget", { kind: "budget" })) as Awaited<ReturnType<ProgramContext["budget"]>>;
    });
  }

  note(note: unknown): Promise<void> {
    return started(async () => {
      await this.#ask("note", { kind: "note" }, note);
    });
  }

  parallel<B extends Branches>(
    branches: B,
    options: { readonly name?: string; readonly concurrency?: number } = {},
  ): Promise<BranchResults<B>> {
    return started(async () => {
      const group = this.#group(options.name ?? "parallel");
      const waiting = Object.entries(branches);
      const results: Record<string, unknown> = {};
      let failure: { readonly error: unknown } | undefined;
      const work = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined && failure === undefined; next = waiting.shift()) {
          const [key, branch] = next;
          try {
            results[key] = await branch(this.#branch(group, key));
          } catch (error) {
            failure ??= { error };
            this.#drop(group, "failed");
          }
        }
      };
      const width = Math.max(1, Math.min(options.concurrency ?? waiting.length, waiting.length));
      await Promise.all(Array.from({ length: width }, work));
      if (failure !== undefined) throw failure.error;
      // In the order in which they were given, not in that in which they ended.
      return Object.fromEntries(Object.keys(branches).map((key) => [key, results[key]])) as BranchResults<B>;
    });
  }

  waitAny<B extends Branches>(branches: B, options: { readonly name?: string } = {}): Promise<FirstOf<B>> {
    return started(async () => {
      const path = this.#scope.pathFor(options.name ?? "waitAny");
      const group = this.#scope.branch(path);
      const entries = Object.entries(branches);
      if (entries.length === 0) throw new GloveboxError("invalid_argument", "waitAny needs at least one branch");
      const ends = entries.map(async ([key, branch]) => {
        try {
          return { key, value: await branch(this.#branch(group, key)) };
        } catch (error) {
          return { key, error };
        }
      });
      const first = await Promise.race(ends);
      await this.#askAt(path, { kind: "wait_any" }, { first: first.key });
      this.#drop(group, "was first");
      await Promise.all(ends);
      if ("error" in first) throw first.error;
      return first as unknown as FirstOf<B>;
    });
  }

  #ask(name: string, spec: OpSpec, input?: unknown): Promise<unknown> {
    return this.#askAt(this.#scope.pathFor(name), spec, input);
  }

  #askAt(path: string, spec: OpSpec, input?: unknown): Promise<unknown> {
    return outsideProgram(() => this.#machine.ask(this.#scope, path, spec, input));
  }

  /** Who is told of the end, in steps, may use whatever it likes. */
  #drop(group: Scope, how: string): void {
    outsideProgram(() => this.#machine.dropScope(group, otherBranchEnded(how)));
  }

  #group(name: string): Scope {
    return this.#scope.branch(this.#scope.pathFor(name));
  }

  #branch(group: Scope, key: string): EmbeddedContext {
    return new EmbeddedContext(this, this.#machine, group.within(key));
  }
}

/** Whether anybody awaits it is the program's affair: one that does not must not end the process. */
function started<T>(work: () => Promise<T>): Promise<T> {
  const promise = work();
  promise.catch(() => {});
  return promise;
}

function otherBranchEnded(how: string): GloveboxError {
  return new GloveboxError("cancelled", `another branch ${how}`);
}

function checkMs(ms: number, what: string): void {
  if (Number.isFinite(ms) && ms >= 0 && ms <= MAX_MS) return;
  throw new GloveboxError("invalid_argument", `${what} must be a number of milliseconds from 0 to ${MAX_MS}`, {
    details: { path: what },
  });
}
