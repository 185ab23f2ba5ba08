import { z } from "zod";
import { ForkInput, RollbackInput, Session, Snapshot, SnapshotChange, SnapshotInput } from "../../core/schemas.ts";
import { Id, IdParams, PageQuery, page } from "./fields.ts";
import { defineOperations } from "./operation.ts";

const SnapshotParams = z.strictObject({ id: Id, snapshotId: Id });

/** A session's state frozen, returned to, and continued in new sessions: see the page on snapshots. */
export const snapshotOperations = defineOperations({
  "snapshots.list": {
    method: "GET",
    path: "/v1/sessions/{id}/snapshots",
    summary: "List a session's snapshots, newest first, and the one that its state comes from (`head`)",
    minimumRole: "viewer",
    params: IdParams,
    query: PageQuery,
    answer: "json",
    status: 200,
    response: page(Snapshot).extend({ head: z.string().optional() }),
    sdk: "session.snapshots.list",
    cli: "snapshot list",
  },
  "snapshots.create": {
    method: "POST",
    path: "/v1/sessions/{id}/snapshots",
    summary: "Freeze a session's state; answers when it is on disk",
    minimumRole: "agent",
    params: IdParams,
    body: SnapshotInput,
    answer: "json",
    status: 201,
    response: Snapshot,
    idempotent: true,
    sdk: "session.snapshots.create",
    cli: "snapshot create",
  },
  "snapshots.get": {
    method: "GET",
    path: "/v1/sessions/{id}/snapshots/{snapshotId}",
    summary: "Read a snapshot",
    minimumRole: "viewer",
    params: SnapshotParams,
    answer: "json",
    status: 200,
    response: Snapshot,
    sdk: "session.snapshots.get",
    cli: "snapshot show",
  },
  "snapshots.diff": {
    method: "GET",
    path: "/v1/sessions/{id}/snapshots/{snapshotId}/diff",
    summary: "Which files differ from a snapshot to another, or to the present; 10,000 at most",
    minimumRole: "viewer",
    params: SnapshotParams,
    query: z.strictObject({
      /** Compare with this snapshot instead of the present. */
      to: Id.optional(),
    }),
    answer: "json",
    status: 200,
    response: z.strictObject({ items: z.array(SnapshotChange), truncated: z.boolean() }),
    sdk: "session.snapshots.diff",
    cli: "snapshot diff",
  },
  "snapshots.delete": {
    method: "DELETE",
    path: "/v1/sessions/{id}/snapshots/{snapshotId}",
    summary: "Delete a snapshot; its children become its parent's",
    minimumRole: "agent",
    params: SnapshotParams,
    answer: "none",
    status: 204,
    sdk: "session.snapshots.delete",
    cli: "snapshot delete",
  },
  "sessions.rollback": {
    method: "POST",
    path: "/v1/sessions/{id}/rollback",
    summary:
      "Put a session, or chosen paths of its workspace, back into a snapshot's state; `undo` is the state before",
    minimumRole: "agent",
    params: IdParams,
    body: RollbackInput,
    answer: "json",
    status: 200,
    response: z.strictObject({ session: Session, undo: Snapshot }),
    sdk: "session.rollback",
    cli: "snapshot rollback",
  },
  "sessions.fork": {
    method: "POST",
    path: "/v1/sessions/{id}/fork",
    summary: "Make sessions that continue from a session's state, or a snapshot's: all or none",
    minimumRole: "agent",
    params: IdParams,
    body: ForkInput,
    answer: "json",
    status: 201,
    response: z.strictObject({
      sessions: z.array(Session),
      /** What they have: the files alone; or memory and processes too, sharing what does not change or as copies. */
      path: z.enum(["files", "shared", "copied"]),
      /** Milliseconds that the parent stood still. */
      silentMs: z.number(),
    }),
    sdk: "session.fork",
    cli: "fork",
  },
});
