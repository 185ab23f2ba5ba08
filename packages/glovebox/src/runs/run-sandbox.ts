import { type Execution, type ExecutionInput, GloveboxError, isFinal, type StoredEvent } from "../core/index.ts";
import { Parked, type ProgramContext, type StepContext, type StepOptions } from "../engine/index.ts";
import type { ExecutionService, SessionService } from "../sessions/index.ts";
import { textOf } from "./execution-text.ts";
import { meterSeconds } from "./meter-seconds.ts";
import { SandboxBench } from "./sandbox-bench.ts";

/** What a program asks a sandbox to do: an execution, without what the run decides itself. */
export type SandboxRequest = Omit<ExecutionInput, "idempotencyKey" | "onBusy" | "terminal">;

export interface SandboxStepOptions extends Pick<StepOptions<SandboxResult>, "retry" | "timeoutMs" | "budget"> {
  /** Makes the step fail, with `test_failed`, when the execution ends otherwise than `ok`. Default: the program is told and decides. */
  readonly check?: boolean;
}

export interface SandboxWorkOptions<Result>
  extends Pick<StepOptions<Awaited<Result>>, "retry" | "timeoutMs" | "budget"> {
  readonly compare?: (result: Awaited<Result>) => unknown;
}

/** How an execution ended, as a program gets it and the journal keeps it. */
export interface SandboxResult {
  readonly status: Execution["status"];
  readonly exitCode?: number;
  /** The first {@link MAX_TEXT_CHARS} characters; all of it is in the execution's events. */
  readonly stdout: string;
  readonly stderr: string;
  /** Some of the text was left out here. */
  readonly truncated: boolean;
  /** Of code whose last expression has a value that JSON can hold. */
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
  readonly executionId: string;
}

/** Characters of stdout, and of stderr, that a result holds. */
export const MAX_TEXT_CHARS = 65_536;
const PAGE = 1_000;

/** Finds the session of a run's sandbox, or says why there is none. */
export type FindSession = (step: StepContext) => Promise<string>;

/** A session that belongs to a run. What it does are steps: done once, found again after a crash, and stopped with their processes when the run is cancelled. */
export class RunSandbox {
  readonly name: string;
  readonly #tenantId: string;
  readonly #executions: ExecutionService;
  readonly #sessions: SessionService | undefined;
  readonly #find: FindSession;
  readonly #env: Readonly<Record<string, string>>;
  readonly #repeatable: boolean;
  readonly #keep: ((step: StepContext, sessionId: string) => Promise<void>) | undefined;

  constructor(parts: {
    readonly name: string;
    readonly tenantId: string;
    readonly executions: ExecutionService;
    /** For {@link work}; default: it is refused. */
    readonly sessions?: SessionService;
    readonly find: FindSession;
    /** Given to every execution; its own come before. */
    readonly env: Readonly<Record<string, string>>;
    /** Whether a live replay does its steps again: only where {@link find} gives the replay a session of its own. */
    readonly repeatable: boolean;
    /** Called with the session at the end of each step that did not fail. Default: nothing. */
    readonly keep?: (step: StepContext, sessionId: string) => Promise<void>;
  }) {
    this.name = parts.name;
    this.#tenantId = parts.tenantId;
    this.#executions = parts.executions;
    this.#sessions = parts.sessions;
    this.#find = parts.find;
    this.#env = parts.env;
    this.#repeatable = parts.repeatable;
    this.#keep = parts.keep;
  }

  /** Runs something in the sandbox, as a step of that name. Waits its turn when the sandbox is busy. */
  async execute(
    context: ProgramContext,
    name: string,
    request: SandboxRequest,
    { check = false, ...options }: SandboxStepOptions = {},
  ): Promise<SandboxResult> {
    const env = { ...this.#env, ...request.env };
    const input = { sandbox: this.name, check, request: { ...request, ...(Object.keys(env).length > 0 && { env }) } };
    // What is done is what the program asked for, not what the journal kept of it: there, whatever looks like a secret is masked.
    return context.step(name, input, (_kept, step) => this.#work(input, step), {
      ...options,
      ...(this.#repeatable && { live: { compare: comparable } }),
    });
  }

  /**
   * Does several things in the sandbox as one step of that name, whose input and result alone are journaled: what `work` gives to the sandbox may be secret, what it
   * gives back may not. `compare`: what of a result must come out the same in a live replay; default all.
   */
  async work<Input, Result>(
    context: ProgramContext,
    name: string,
    input: Input,
    work: (input: Input, bench: SandboxBench) => Promise<Result>,
    { compare, ...options }: SandboxWorkOptions<Result> = {},
  ): Promise<Awaited<Result>> {
    return context.step(
      name,
      { sandbox: this.name, input },
      async (_kept, step) => {
        const sessionId = await this.#find(step);
        const result = await work(input, this.#bench(sessionId, step));
        await this.#keep?.(step, sessionId);
        return result;
      },
      { ...options, ...(this.#repeatable && { live: compare === undefined ? {} : { compare } }) },
    );
  }

  #bench(sessionId: string, step: StepContext): SandboxBench {
    const sessions = this.#sessions;
    if (sessions === undefined) throw new GloveboxError("internal", "this sandbox is for single executions");
    const services = { executions: this.#executions, sessions };
    return new SandboxBench({ services, sandbox: this.name, sessionId, tenantId: this.#tenantId, step });
  }

  async #work(
    { check, request }: { readonly check: boolean; readonly request: SandboxRequest },
    step: StepContext,
  ): Promise<SandboxResult> {
    const sessionId = await this.#find(step);
    // Before it begins, so that a budget that is used up keeps it from beginning; not again where a crash cut the attempt before.
    if (step.attempt === step.failures + 1) step.spend({ toolCalls: 1 });
    // After a crash the key finds the execution again, which went on by itself; an attempt after a failed one is a new execution.
    const idempotencyKey = `${step.idempotencyKey}/${step.failures}`;
    const { execution } = await this.#executions.start(this.#tenantId, sessionId, {
      stdin: "",
      ...request,
      onBusy: "queue",
      idempotencyKey,
    });
    step.record("tool.called", { tool: "sandbox", sandbox: this.name, sessionId, executionId: execution.id });
    const ended = await this.#end(execution, step);
    step.record("tool.answered", { tool: "sandbox", executionId: ended.id, status: ended.status });
    if (!isFinal(ended.status) || ended.status === "lost" || ended.status === "internal_error") {
      const details = { executionId: ended.id, status: ended.status };
      throw new GloveboxError("unavailable", `the execution ended as ${ended.status}`, { details });
    }
    const result = await this.#result(ended);
    if (check && ended.status !== "ok") {
      const { status, exitCode, stderr, executionId } = result;
      const details = { status, exitCode, stderr: stderr.slice(-2_000), executionId };
      throw new GloveboxError("test_failed", `the execution ended as ${status}`, { details });
    }
    await this.#keep?.(step, sessionId);
    return result;
  }

  /** Waits for the end. Whoever does not want it any more ends it, unless it is only parked: then the next engine finds it. */
  async #end(execution: Execution, step: StepContext): Promise<Execution> {
    if (isFinal(execution.status)) return execution;
    using _seconds = meterSeconds(step);
    try {
      return await this.#executions.wait(this.#tenantId, execution.id, step.signal);
    } catch (error) {
      const isParked = step.signal.reason instanceof Parked;
      if (step.signal.aborted && !isParked) await this.#executions.cancel(this.#tenantId, execution.id);
      throw error;
    }
  }

  async #result(execution: Execution): Promise<SandboxResult> {
    const out = textOf(MAX_TEXT_CHARS);
    let afterSeq = 0;
    let page: readonly StoredEvent[];
    do {
      page = await this.#executions.events(this.#tenantId, execution.id, { afterSeq, limit: PAGE });
      for (const event of page) out.take(event);
      afterSeq = page.at(-1)?.seq ?? afterSeq;
    } while (page.length === PAGE && !out.isFull);
    const { id: executionId, status, exitCode, result, error } = execution;
    return {
      status,
      ...out.text(),
      executionId,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(result?.json === undefined ? {} : { value: result.json }),
      ...(error === undefined ? {} : { error: { name: error.name, message: error.message } }),
    };
  }
}

/** What of a result must come out the same when the step is executed again. */
function comparable({ executionId: _executionId, ...rest }: SandboxResult): unknown {
  return rest;
}
