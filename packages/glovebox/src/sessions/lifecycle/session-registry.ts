import { GloveboxError } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import type { ExecutionRun } from "../executions/execution-run.ts";
import type { LiveSession } from "./live-session.ts";

/** The sessions that have a sandbox on this node. */
export class SessionRegistry {
  readonly #store: Store;
  /** What runs or waits, in all sessions. */
  readonly runs = new Map<string, ExecutionRun>();
  readonly #live = new Map<string, LiveSession>();

  constructor(store: Store) {
    this.#store = store;
  }

  add(session: LiveSession): void {
    this.#live.set(session.id, session);
  }

  remove(id: string): void {
    this.#live.delete(id);
  }

  all(): LiveSession[] {
    return [...this.#live.values()];
  }

  find(tenantId: string, id: string): LiveSession | undefined {
    const session = this.#live.get(id);
    return session?.row.tenantId === tenantId ? session : undefined;
  }

  touch(id: string): void {
    this.#live.get(id)?.touch();
  }

  /** A session that takes work. Errors: `not_found`, `session_not_ready`. */
  async ready(tenantId: string, id: string): Promise<LiveSession> {
    const session = this.find(tenantId, id);
    if (session !== undefined && takesWork(session)) return session;
    const row = session?.row ?? (await this.#store.sessions.get(tenantId, id));
    if (row === undefined) throw new GloveboxError("not_found", `no session ${id}`);
    const status = session?.closing === true ? "closing" : row.status;
    const { rollingBack = false, pausing = false } = session ?? {};
    const state = rollingBack ? "being rolled back" : pausing ? "being paused" : status;
    const advice = status === "paused" ? ": resume it first" : "";
    throw new GloveboxError("session_not_ready", `the session is ${state}${advice}`, {
      details: { status, ...(row.lastError !== undefined && { lastError: row.lastError }) },
    });
  }

  /** An execution that is not over. */
  run(tenantId: string, id: string): ExecutionRun | undefined {
    const run = this.runs.get(id);
    return run?.execution.tenantId === tenantId ? run : undefined;
  }
}

/** Whether it is ready, and will be the moment after. */
export function takesWork({ row, closing, rollingBack, pausing }: LiveSession): boolean {
  return row.status === "ready" && !closing && !rollingBack && !pausing;
}
