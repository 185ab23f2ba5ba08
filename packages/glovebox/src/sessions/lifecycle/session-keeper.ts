import type { Session } from "../../core/index.ts";
import { teachAlso } from "../output/growing-redactor.ts";
import type { Room } from "../room.ts";
import { closeSession, crashSession, explainSandboxEnd } from "./end-session.ts";
import { type ExpiryReason, watchExpiry } from "./expiry.ts";
import type { Isolations } from "./isolations.ts";
import type { ExecutionHooks, LiveSession } from "./live-session.ts";
import type { QuotaLedger } from "./quota-ledger.ts";
import type { SessionRegistry } from "./session-registry.ts";

interface Kept {
  readonly session: LiveSession;
  readonly quota: Disposable;
  expiry: Disposable | undefined;
  ending: Promise<Session> | undefined;
}

/** Owns the live sessions of this node: each is watched until it is closed, crashes, expires, or is let go of. */
export class SessionKeeper {
  readonly registry: SessionRegistry;
  readonly quotas: QuotaLedger;
  /** For sessions whose template has automatic snapshots. */
  hooks: ExecutionHooks | undefined;
  readonly #room: Room;
  readonly #isolations: Isolations;
  readonly #kept = new Map<string, Kept>();

  constructor(room: Room, isolations: Isolations, registry: SessionRegistry, quotas: QuotaLedger) {
    this.#room = room;
    this.#isolations = isolations;
    this.registry = registry;
    this.quotas = quotas;
  }

  /** Takes a session over, with its share of the quotas. Its sandbox's death is seen from now on. */
  keep(session: LiveSession, quota: Disposable): void {
    this.#kept.set(session.id, { session, quota, expiry: undefined, ending: undefined });
    this.registry.add(session);
    this.#watchSandbox(session);
  }

  /** The session has another sandbox from now on; the one before is the caller's to destroy. */
  replace(session: LiveSession, next: Pick<LiveSession, "bench" | "redactor" | "offer" | "row">): void {
    teachAlso(next.redactor, session.redactor);
    Object.assign(session, next);
    session.installed.clear();
    this.#watchSandbox(session);
  }

  #watchSandbox(session: LiveSession): void {
    const { sandbox } = session.bench;
    void sandbox.ended.then((end) => {
      if (session.bench.sandbox !== sandbox) return;
      session.sandboxEnd = end;
      if (session.closing || session.letGo) return;
      session.background(this.crash(session, explainSandboxEnd(end)));
    });
  }

  /** The session is ready: its idle and lifetime limits count. */
  watch(session: LiveSession): void {
    const kept = this.#kept.get(session.id);
    if (kept === undefined || kept.expiry !== undefined) return;
    kept.expiry = watchExpiry(session, (reason) => session.background(this.#expire(session, reason)));
  }

  /** Closes a session once; others who ask get the same answer. */
  close(session: LiveSession, by: string): Promise<Session> {
    const kept = this.#kept.get(session.id);
    if (kept === undefined) return Promise.resolve(session.row);
    kept.ending ??= closeSession(session, by).finally(() => this.forget(session));
    return kept.ending;
  }

  /** The session is over because of `error`. */
  async crash(session: LiveSession, error: { code: string; message: string }): Promise<void> {
    const kept = this.#kept.get(session.id);
    if (kept === undefined || kept.ending !== undefined) return;
    const crashed = crashSession(session, error)
      .then((row) => row ?? session.row)
      .finally(async () => {
        await session.bench.sandbox.destroy();
        this.forget(session);
      });
    kept.ending = crashed;
    await crashed;
  }

  /** The server shuts down: sandboxes that can outlive it go on, others are closed. */
  async letGo(): Promise<void> {
    const kept = [...this.#kept.values()];
    const results = await Promise.allSettled(
      kept.map(async ({ session, expiry }) => {
        expiry?.[Symbol.dispose]();
        const { outlivesServer } = await this.#isolations.require(session.row.isolation);
        if (!outlivesServer) {
          session.restartReason = "its isolation does not outlive the server, which was shut down";
          await this.close(session, "server");
          return;
        }
        session.letGo = true;
        session.detaching.abort();
        await session.bench.sandbox.detach();
        await session.idle();
        this.forget(session);
      }),
    );
    for (const result of results) {
      if (result.status === "rejected")
        this.#room.logger.error({ err: result.reason }, "a session could not be let go of");
    }
  }

  async #expire(session: LiveSession, reason: ExpiryReason): Promise<void> {
    this.#room.logger.info({ sessionId: session.id, reason }, "session expired");
    await this.close(session, reason);
  }

  /**
   * Follows what runs in a session no longer, and leaves it so on disk that who takes over its sandbox, or a copy of it, goes on at the same byte. The
   * session is still kept.
   */
  async leave(session: LiveSession): Promise<void> {
    const kept = this.#kept.get(session.id);
    kept?.expiry?.[Symbol.dispose]();
    session.letGo = true;
    session.detaching.abort();
    await session.idle();
    const runs = [...session.runs.values()];
    await Promise.allSettled(runs.map(({ recorder }) => recorder.drain()));
    for (const run of runs) session.runOver(run);
  }

  /** Keeps a session no longer; its share of the quotas is free. */
  forget(session: LiveSession): void {
    const kept = this.#kept.get(session.id);
    if (kept === undefined) return;
    this.#kept.delete(session.id);
    kept.expiry?.[Symbol.dispose]();
    kept.quota[Symbol.dispose]();
    this.registry.remove(session.id);
  }
}
