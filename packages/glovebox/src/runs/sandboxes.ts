import { GloveboxError, isGloveboxError, LIVE_SESSION_STATUSES, type SessionInput } from "../core/index.ts";
import type { ProgramContext, StepContext } from "../engine/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import { RunSandbox } from "./run-sandbox.ts";

/** What a run's sandbox is made from: a session's input, without what the run decides itself. */
export interface SandboxSpec
  extends Pick<
    SessionInput,
    "template" | "isolation" | "languages" | "workspace" | "env" | "limits" | "idleTimeoutMs" | "maxLifetimeMs"
  > {
  /** Unique in the run; default `sandbox`. */
  readonly name?: string;
  /** Fixes what programs inside see of chance and place: hash seeds, time zone, locale, source date. Default: as the template says. */
  readonly deterministic?: boolean;
}

/** What `deterministic` sets. */
const DETERMINISTIC_ENV = {
  PYTHONHASHSEED: "0",
  TZ: "UTC",
  LC_ALL: "C.UTF-8",
  SOURCE_DATE_EPOCH: "0",
} as const;

const PAGE = 100;

/** Sandboxes that belong to runs. */
export class Sandboxes {
  readonly #services: SessionServices;

  constructor(services: SessionServices) {
    this.#services = services;
  }

  /** Opens a sandbox, works with it, and closes it however that ends. A run that is ended from outside has its sandboxes closed as well. */
  async use<T>(context: ProgramContext, spec: SandboxSpec, work: (sandbox: RunSandbox) => Promise<T>): Promise<T> {
    const { name = "sandbox" } = spec;
    const sandbox = await this.open(context, spec);
    try {
      return await work(sandbox);
    } finally {
      if (!context.signal.aborted) await this.#close(context, name);
    }
  }

  /** Opens a sandbox that stays until the run ends. It is a step, named `open` and the sandbox's name. */
  async open(context: ProgramContext, spec: SandboxSpec): Promise<RunSandbox> {
    const { name = "sandbox", deterministic = false, ...session } = spec;
    const { tenantId } = context;
    await context.step(
      `open ${name}`,
      session,
      async (given, step) => {
        const made = await this.#services.sessions.create(
          tenantId,
          { ...given, key: keyOf(step, name), reuse: true, metadata: { run: step.runId, sandbox: name } },
          { signal: step.signal },
        );
        const { id, isolation, languages } = made.session;
        step.record("tool.called", { tool: "sandbox.open", sandbox: name, sessionId: id });
        return { isolation, languages: [...languages] };
      },
      { live: {}, compensate: (_made, step) => this.#closeSession(tenantId, step, name) },
    );
    return new RunSandbox({
      name,
      tenantId,
      executions: this.#services.executions,
      env: deterministic ? DETERMINISTIC_ENV : {},
      repeatable: true,
      find: (step) => this.#find(tenantId, step, name),
    });
  }

  /** Closes every sandbox of a run (or of a live replay, by its id). */
  async closeAll(tenantId: string, runId: string): Promise<void> {
    const { sessions } = this.#services;
    const filter = { metadata: { run: runId }, status: LIVE_SESSION_STATUSES, limit: PAGE };
    let cursor: string | undefined;
    do {
      const page = await sessions.list(tenantId, cursor === undefined ? filter : { ...filter, cursor });
      await Promise.all(page.items.map(({ id }) => sessions.close(tenantId, id, "run")));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }

  async #close(context: ProgramContext, name: string): Promise<void> {
    await context.step(`close ${name}`, {}, (_given, step) => this.#closeSession(context.tenantId, step, name), {
      live: {},
    });
  }

  async #closeSession(tenantId: string, step: StepContext, name: string): Promise<void> {
    const session = await this.#open(tenantId, step, name);
    if (session === undefined) return;
    await this.#services.sessions.close(tenantId, session, "run").catch((error: unknown) => {
      if (!isGloveboxError(error, "not_found")) throw error;
    });
  }

  async #find(tenantId: string, step: StepContext, name: string): Promise<string> {
    const open = await this.#open(tenantId, step, name);
    if (open !== undefined) return open;
    throw new GloveboxError("unavailable", `the sandbox ${name} of the run is gone, with what was in it`, {
      details: { sandbox: name, retryable: false },
    });
  }

  async #open(tenantId: string, step: StepContext, name: string): Promise<string | undefined> {
    const filter = { key: keyOf(step, name), status: LIVE_SESSION_STATUSES, limit: 1 };
    const { items } = await this.#services.sessions.list(tenantId, filter);
    return items[0]?.id;
  }
}

/** A step finds its sandbox by run and name, not by the session's id, which differs in a fork and in a live replay. */
function keyOf({ runId }: StepContext, name: string): string {
  return `run/${runId}/${name}`;
}
