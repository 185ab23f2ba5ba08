import { type Execution, GloveboxError, type Snapshot, toGloveboxError } from "../../core/index.ts";
import { stopRuns } from "../lifecycle/end-session.ts";
import { sessionStream } from "../lifecycle/idle-output.ts";
import type { ExecutionHooks, LiveSession } from "../lifecycle/live-session.ts";
import type { SnapshotParts } from "./parts.ts";
import { knownGood, pruneAutomatic } from "./prune.ts";
import { rollBack } from "./roll-back.ts";
import { takeSnapshot } from "./take-snapshot.ts";

/** What a template's `snapshots` asks for around each execution that has the session's turn. */
export class AutomaticSnapshots implements ExecutionHooks {
  readonly #parts: SnapshotParts;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  async before(session: LiveSession, execution: Execution): Promise<void> {
    const { auto, rollbackOnFailure } = session.template.snapshots;
    if (auto === "never") return;
    await this.#parts.inTurn.run(session.id, async () => {
      // Something to go back to must be there, also before the first success.
      if (auto === "after_success" && (!rollbackOnFailure || (await this.#good(session)) !== undefined)) return;
      await this.#take(session, "before_execution", execution);
    });
  }

  async after(session: LiveSession, execution: Execution): Promise<void> {
    const { auto, rollbackOnFailure } = session.template.snapshots;
    if (session.closing || session.rollingBack || session.letGo || session.sandboxEnd !== undefined) return;
    const succeeded = execution.status === "ok";
    try {
      if (succeeded && auto === "after_success") {
        await this.#parts.inTurn.run(session.id, () => this.#take(session, "after_success", execution));
      }
      if (!succeeded && rollbackOnFailure) await this.#return(session, execution);
    } catch (error) {
      await this.#tell(session, execution, error);
    }
  }

  async #take(session: LiveSession, origin: "before_execution" | "after_success", { id }: Execution): Promise<void> {
    // Memory would make each execution wait for the copy, and fill the disk.
    await takeSnapshot(this.#parts, session, { origin, kind: "files", executionId: id });
    await pruneAutomatic(this.#parts.room, session);
  }

  async #return(session: LiveSession, execution: Execution): Promise<void> {
    const good = await this.#good(session);
    const own = session.template.snapshots.auto === "after_success" || good?.executionId === execution.id;
    if (good === undefined || !own) {
      throw new GloveboxError("not_found", "there is no snapshot of the state before it");
    }
    session.rollingBack = true;
    // What runs beside would go on in a state that is no more.
    await stopRuns(session, execution.id);
    const why = `execution ${execution.id} ended as ${execution.status}`;
    await this.#parts.inTurn.run(session.id, () => rollBack(this.#parts, session, good, { keep: good.kind, why }));
  }

  async #good(session: LiveSession): Promise<Snapshot | undefined> {
    const { snapshots, sessions } = this.#parts.room.store;
    return knownGood(await snapshots.all(session.id), (await sessions.internals(session.id))?.snapshotId);
  }

  /** The execution is over, and its end stands: what failed after it is the session's to tell. */
  async #tell(session: LiveSession, execution: Execution, error: unknown): Promise<void> {
    session.rollingBack = false;
    const { code, message } = toGloveboxError(error);
    const { tenantId, id } = session.row;
    session.room.logger.error({ sessionId: id, err: error }, "the snapshot or rollback after an execution failed");
    const text = `after execution ${execution.id} no snapshot was taken or returned to: ${message}`;
    const details = { executionId: execution.id, code };
    await session.room.store.events
      .append(sessionStream(tenantId, id), [
        { type: "system", payload: { level: "error", code: "snapshot_failed", message: text, details } },
      ])
      .catch(() => {});
  }
}
