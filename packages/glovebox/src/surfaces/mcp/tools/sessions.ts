import type { SessionInfo, Snapshot } from "@glovebox/sdk";
import { z } from "zod";
import { ForkInput, RollbackInput, SessionInput, SnapshotInput } from "../../../core/schemas.ts";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool, SESSION_OPERATIONS, SessionArgument } from "../tool.ts";

const SessionView = z.object({
  id: z.string(),
  status: z.string(),
  isolation: z.string(),
  languages: z.array(z.string()),
  expiresAt: z.string().optional(),
});

function sessionView({ id, status, isolation, languages, expiresAt }: SessionInfo): z.infer<typeof SessionView> {
  return { id, status, isolation, languages: [...languages], ...(expiresAt !== undefined && { expiresAt }) };
}

const SnapshotView = z.object({
  id: z.string(),
  session: z.string(),
  name: z.string().optional(),
  entries: z.number().optional(),
  bytes: z.number(),
  createdAt: z.string(),
});

function snapshotView(snapshot: Snapshot): z.infer<typeof SnapshotView> {
  const { id, sessionId, name, entries, bytes, createdAt } = snapshot;
  return {
    ...{ id, session: sessionId, bytes, createdAt },
    ...(name !== undefined && { name }),
    ...(entries !== undefined && { entries }),
  };
}

export const createSession = defineTool({
  name: "create_session",
  title: "Create a session",
  description: `Makes a session with a sandbox of its own, to be named in other calls. It ends after ${MCP_LIMITS.sandboxIdleMs / 60_000} minutes without use.`,
  operations: ["sessions.create"],
  input: z.strictObject(SessionInput.pick({ template: true, languages: true, isolation: true }).shape),
  output: SessionView,
  run: async (args, call) => {
    const input = { ...args, idleTimeoutMs: MCP_LIMITS.sandboxIdleMs };
    const { info } = await call.box.sessions.create(input, { signal: call.signal });
    return { structured: sessionView(info), text: [`session ${info.id}: ${info.languages.join(", ")}`] };
  },
});

export const forkSession = defineTool({
  name: "fork_session",
  title: "Fork a session",
  description: "Makes sessions that continue from a session's files, as they are or as a snapshot has them.",
  operations: [...SESSION_OPERATIONS, "sessions.fork"],
  input: z.strictObject({ ...ForkInput.shape, ...SessionArgument }),
  output: z.object({ sessions: z.array(SessionView) }),
  run: async ({ session: id, ...options }, call) => {
    const session = await call.session(id);
    const fork = await session.fork({ ...options, signal: call.signal });
    const sessions = fork.sessions.map(({ info }) => sessionView(info));
    return { structured: { sessions }, text: [`sessions ${sessions.map(({ id }) => id).join(", ")}`] };
  },
});

export const takeSnapshot = defineTool({
  name: "snapshot",
  title: "Take a snapshot",
  description: "Freezes a session's files, so that `rollback` can return to them.",
  operations: [...SESSION_OPERATIONS, "snapshots.create"],
  input: z.strictObject({ ...SnapshotInput.shape, ...SessionArgument }),
  output: SnapshotView,
  run: async ({ session: id, ...input }, call) => {
    const session = await call.session(id);
    const snapshot = await session.snapshots.create(input, { signal: call.signal });
    return { structured: snapshotView(snapshot), text: [`snapshot ${snapshot.id} of session ${session.id}`] };
  },
});

export const rollBack = defineTool({
  name: "rollback",
  title: "Roll back",
  description:
    "Puts a session's files, or the chosen paths, back into a snapshot's state. What was there before is kept as the snapshot `undo`.",
  operations: [...SESSION_OPERATIONS, "sessions.rollback"],
  destructive: true,
  input: z.strictObject({ ...RollbackInput.shape, ...SessionArgument }),
  output: z.object({ session: z.string(), undo: SnapshotView }),
  run: async ({ session: id, snapshot, ...options }, call) => {
    const session = await call.session(id);
    const { undo } = await session.rollback(snapshot, { ...options, signal: call.signal });
    const text = `session ${session.id} is as snapshot ${snapshot} was; rolling back to ${undo.id} undoes it`;
    return { structured: { session: session.id, undo: snapshotView(undo) }, text: [text] };
  },
});
