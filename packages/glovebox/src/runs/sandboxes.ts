import { GloveboxError, isGloveboxError, LIVE_SESSION_STATUSES, type SessionInput } from "../core/index.ts";
import type { JournalRecord, ProgramContext, StepContext } from "../engine/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import { RunSandbox } from "./run-sandbox.ts";
import { historyOf } from "./sandbox-history.ts";

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
  /** Its programs have a way to what the server itself offers ({@link SandboxBench.offer}), also where the template has no network. */
  readonly services?: true;
  /**
   * `after_each_step` keeps its state when it was opened and after each of its steps, so that a rollback, a fork, or a crash of the host goes on in it as it was then. Default `never`:
   * then a sandbox that is gone fails the run, unless nothing had been done in it.
   */
  readonly snapshots?: "never" | "after_each_step";
}

/** What `deterministic` sets. */
export const DETERMINISTIC_ENV = {
  PYTHONHASHSEED: "0",
  TZ: "UTC",
  LC_ALL: "C.UTF-8",
  SOURCE_DATE_EPOCH: "0",
} as const;

const PAGE = 100;

/** A run's records, in order. */
export type ReadJournal = (tenantId: string, runId: string) => AsyncIterable<JournalRecord>;

/** A sandbox of a run, as a step looks for it. */
interface Wanted {
  readonly name: string;
  readonly tenantId: string;
  readonly runId: string;
  readonly session: Session;
}

type Session = SessionInput & Pick<SandboxSpec, "services">;

/** Sandboxes that belong to runs. */
export class Sandboxes {
  readonly #services: SessionServices;
  readonly #journal: ReadJournal;
  readonly #contextRevision: (() => Promise<number>) | undefined;
  /** Being made again, by key: several steps may miss one at the same time. */
  readonly #restoring = new Map<string, Promise<string>>();

  /** `contextRevision`: of the context store, kept with every snapshot; default: it is not. */
  constructor(services: SessionServices, journal: ReadJournal, contextRevision?: () => Promise<number>) {
    this.#services = services;
    this.#journal = journal;
    this.#contextRevision = contextRevision;
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
    const { name = "sandbox", deterministic = false, snapshots = "never", ...session } = spec;
    const { tenantId, runId } = context;
    const keep = async (step: StepContext, sessionId: string) => {
      if (snapshots === "after_each_step") await this.#keep(tenantId, step, name, sessionId);
    };
    await context.step(
      `open ${name}`,
      { ...session, snapshots },
      async ({ snapshots: _policy, ...given }, step) => {
        const { id, isolation, languages } = await this.#make(tenantId, step, name, given);
        step.record("tool.called", { tool: "sandbox.open", sandbox: name, sessionId: id });
        await keep(step, id);
        return { isolation, languages: [...languages] };
      },
      { live: {}, compensate: (_made, step) => this.#closeSession(tenantId, step, name) },
    );
    return new RunSandbox({
      name,
      tenantId,
      executions: this.#services.executions,
      sessions: this.#services.sessions,
      env: deterministic ? DETERMINISTIC_ENV : {},
      repeatable: true,
      find: (step) => this.#find({ name, tenantId, runId, session }, step),
      keep,
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

  async #make(
    tenantId: string,
    { runId, signal }: Pick<StepContext, "runId" | "signal">,
    name: string,
    { services, ...session }: Session,
  ) {
    const identity = { key: keyOf(runId, name), reuse: true, metadata: metadataOf(runId, name) };
    return (
      await this.#services.sessions.create(
        tenantId,
        { ...session, ...identity },
        { signal, ...(services && { services }) },
      )
    ).session;
  }

  async #keep(tenantId: string, step: StepContext, name: string, sessionId: string): Promise<void> {
    const { id: snapshotId } = await this.#services.snapshots.create(tenantId, sessionId, { name: "run" });
    const contextRevision = await this.#contextRevision?.();
    const at = contextRevision === undefined ? {} : { contextRevision };
    step.record("snapshot.taken", { sandbox: name, sessionId, snapshotId, ...at });
  }

  async #close(context: ProgramContext, name: string): Promise<void> {
    await context.step(`close ${name}`, {}, (_given, step) => this.#closeSession(context.tenantId, step, name), {
      live: {},
    });
  }

  async #closeSession(tenantId: string, { runId }: StepContext, name: string): Promise<void> {
    const session = await this.#open(tenantId, keyOf(runId, name));
    if (session === undefined) return;
    await this.#services.sessions.close(tenantId, session, "run").catch((error: unknown) => {
      if (!isGloveboxError(error, "not_found")) throw error;
    });
  }

  /** The session of a run's sandbox: the open one, else what the journal knows how to make again. */
  async #find(wanted: Wanted, step: StepContext): Promise<string> {
    const key = keyOf(step.runId, wanted.name);
    const open = await this.#open(wanted.tenantId, key);
    if (open !== undefined) return open;
    // A live replay has opened its own, and has no journal to make another from.
    if (step.runId !== wanted.runId) throw gone(wanted.name);
    const restoring = this.#restoring.get(key) ?? this.#restore(wanted, step.signal);
    this.#restoring.set(key, restoring);
    try {
      return await restoring;
    } finally {
      this.#restoring.delete(key);
    }
  }

  /** After a rollback, in a fork, or when the host lost it: the last state that was kept, if nothing was done since. */
  async #restore({ name, tenantId, runId, session }: Wanted, signal: AbortSignal): Promise<string> {
    const { kept, hasWorkedSince } = await historyOf(this.#journal(tenantId, runId), name);
    if (hasWorkedSince) throw gone(name);
    if (kept === undefined) return (await this.#make(tenantId, { runId, signal }, name, session)).id;
    const { sessionId, snapshotId } = kept;
    const as = { key: keyOf(runId, name), metadata: metadataOf(runId, name) };
    const { sessions } = await this.#services.snapshots.fork(tenantId, sessionId, { snapshotId, as });
    return sessions[0]?.id ?? Promise.reject(gone(name));
  }

  async #open(tenantId: string, key: string): Promise<string | undefined> {
    const { items } = await this.#services.sessions.list(tenantId, { key, status: LIVE_SESSION_STATUSES, limit: 1 });
    return items[0]?.id;
  }
}

/** A step finds its sandbox by run and name, not by the session's id, which differs in a fork and in a live replay. */
function keyOf(runId: string, name: string): string {
  return `run/${runId}/${name}`;
}

function metadataOf(runId: string, name: string): Readonly<Record<string, string>> {
  return { run: runId, sandbox: name };
}

function gone(name: string): GloveboxError {
  return new GloveboxError("unavailable", `the sandbox ${name} of the run is gone, with what was done in it`, {
    details: { sandbox: name, retryable: false },
  });
}
