import { type Execution, GloveboxError, isFinal, type SandboxService, type StoredEvent } from "../core/index.ts";
import { Parked, type StepContext } from "../engine/index.ts";
import type { GrowingRedactor, OutputReader, SessionServices } from "../sessions/index.ts";
import { meterSeconds } from "./meter-seconds.ts";
import type { SandboxRequest } from "./run-sandbox.ts";

const PAGE = 1_000;

type Files = Awaited<ReturnType<SessionServices["sessions"]["files"]>>;

/** A run's sandbox in the hands of one step: what is done here is not journaled, only what the step makes of it. So what is secret can be given to it. */
export class SandboxBench {
  readonly sandbox: string;
  readonly sessionId: string;
  readonly tenantId: string;
  readonly step: StepContext;
  readonly #services: Pick<SessionServices, "executions" | "sessions">;
  /** Is told of each execution as it begins, or is found again. */
  onExecution: ((id: string) => void) | undefined;
  readonly #executions: string[] = [];

  constructor(parts: {
    readonly services: Pick<SessionServices, "executions" | "sessions">;
    readonly sandbox: string;
    readonly sessionId: string;
    readonly tenantId: string;
    readonly step: StepContext;
  }) {
    this.#services = parts.services;
    this.sandbox = parts.sandbox;
    this.sessionId = parts.sessionId;
    this.tenantId = parts.tenantId;
    this.step = parts.step;
  }

  get signal(): AbortSignal {
    return this.step.signal;
  }

  /** What it ran so far, in order. */
  get executionIds(): readonly string[] {
    return this.#executions;
  }

  /** The sandbox's files. */
  files(): Promise<Files> {
    return this.#services.sessions.files(this.tenantId, this.sessionId);
  }

  /** What the session masks. Errors: `unavailable` when the server masks nothing. */
  masks(): Promise<GrowingRedactor> {
    return this.#services.sessions.masks(this.tenantId, this.sessionId);
  }

  /** Offers a service of the server's own to the sandbox's programs. False: they have no way to it. To be called anew in every step. */
  offer(service: SandboxService): Promise<boolean> {
    return this.#services.sessions.offer(this.tenantId, this.sessionId, service);
  }

  /**
   * Runs something to its end. After a crash `key`, unique in the step, finds it again, and `request` is not asked for: what it printed until then is given to `reader`
   * first. Text for stdin is nowhere on disk while it has 65,536 bytes or less. Errors: `unavailable` when the sandbox was lost meanwhile.
   */
  async run(key: string, request: () => Promise<SandboxRequest>, reader: OutputReader): Promise<Execution> {
    const { step, tenantId, sandbox, sessionId } = this;
    const execution = (await this.#again(this.#keyOf(key), reader)) ?? (await this.#start(key, request, reader));
    this.#executions.push(execution.id);
    this.onExecution?.(execution.id);
    step.record("tool.called", { tool: "sandbox", sandbox, sessionId, executionId: execution.id });
    const ended = await this.#end(execution);
    step.record("tool.answered", { tool: "sandbox", executionId: ended.id, status: ended.status });
    if (isFinal(ended.status) && ended.status !== "lost" && ended.status !== "internal_error") return ended;
    const details = { executionId: ended.id, status: ended.status, tenantId };
    throw new GloveboxError("unavailable", `the execution ended as ${ended.status}`, { details });
  }

  /** Ends what an attempt that a crash cut short began under that key, and waits for its end; whether there was such a thing. */
  async endEarlier(key: string): Promise<boolean> {
    const { executions } = this.#services;
    const known = await executions.find(this.tenantId, this.sessionId, this.#keyOf(key));
    if (known === undefined) return false;
    if (!isFinal(known.status)) {
      await executions.cancel(this.tenantId, known.id);
      await executions.wait(this.tenantId, known.id, this.signal);
    }
    return true;
  }

  /** Resolves when all that it ran is over, also what was ended from outside. */
  async settled(): Promise<void> {
    const { executions } = this.#services;
    await Promise.allSettled(this.#executions.map((id) => executions.wait(this.tenantId, id)));
  }

  async #start(key: string, request: () => Promise<SandboxRequest>, reader: OutputReader): Promise<Execution> {
    this.step.spend({ toolCalls: 1 });
    const input = { stdin: "", ...(await request()), onBusy: "queue", idempotencyKey: this.#keyOf(key) } as const;
    const { executions } = this.#services;
    return (await executions.start(this.tenantId, this.sessionId, input, { reader, isFirst: this.step.attempt === 1 }))
      .execution;
  }

  #keyOf(key: string): string {
    return `${this.step.idempotencyKey}/${this.step.failures}/${key}`;
  }

  /** What an attempt that a crash cut short has begun. */
  async #again(idempotencyKey: string, reader: OutputReader): Promise<Execution | undefined> {
    if (this.step.attempt === 1) return undefined;
    const { executions } = this.#services;
    const known = await executions.find(this.tenantId, this.sessionId, idempotencyKey);
    if (known === undefined) return undefined;
    await this.#replay(known, reader);
    executions.read(this.tenantId, known.id, reader);
    return known;
  }

  async #replay({ id }: Execution, reader: OutputReader): Promise<void> {
    const streams = { stdout: reader.open("stdout"), stderr: reader.open("stderr") };
    let afterSeq = 0;
    let page: readonly StoredEvent[];
    do {
      page = await this.#services.executions.events(this.tenantId, id, { afterSeq, limit: PAGE });
      for (const { type, payload } of page) {
        if ((type === "stdout" || type === "stderr") && "text" in payload) streams[type].push(String(payload.text));
      }
      afterSeq = page.at(-1)?.seq ?? afterSeq;
    } while (page.length === PAGE);
  }

  /** Whoever does not want it any more ends it, unless it is only parked: then the next engine finds it. */
  async #end(execution: Execution): Promise<Execution> {
    if (isFinal(execution.status)) return execution;
    using _seconds = meterSeconds(this.step);
    const { executions } = this.#services;
    try {
      return await executions.wait(this.tenantId, execution.id, this.signal);
    } catch (error) {
      const isParked = this.signal.reason instanceof Parked;
      if (this.signal.aborted && !isParked) await executions.cancel(this.tenantId, execution.id);
      throw error;
    }
  }
}
