import { setTimeout as delay } from "node:timers/promises";
import { type Execution, GloveboxError, isGloveboxError, toGloveboxError, toTimestamp } from "../../core/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { executionStream } from "./store-sink.ts";

type EndPatch = Partial<Omit<Execution, "id" | "tenantId" | "sessionId">>;

/** How often the end is tried again while the store does not take it. */
const RETRY_MS = 1_000;

export interface EndOfExecution {
  readonly patch: EndPatch;
  readonly handedOver: Promise<void>;
  readonly written: Promise<void>;
}

/**
 * Writes an execution's end to its row, asked for together with the end of its stream but never before it on disk. When that cannot be written, or the events before it, `failure` says `store_failed`; as soon as the store
 * takes it the row becomes what the stream says, or `internal_error` when the stream has no end.
 */
export async function persistEnd(
  session: LiveSession,
  execution: Execution,
  { patch, handedOver, written }: EndOfExecution,
): Promise<{ readonly execution: Execution; readonly failure?: GloveboxError }> {
  const { store, logger } = session.room;
  const { tenantId, id } = execution;
  const onDisk = written.then(
    () => true,
    () => false,
  );
  try {
    await handedOver;
    const after = executionStream(tenantId, id);
    const [updated] = await Promise.all([store.executions.update(tenantId, id, patch, { after }), written]);
    return { execution: updated ?? (await store.executions.get(tenantId, id)) ?? { ...execution, ...patch } };
  } catch (error) {
    const failure = asStoreFailure(error);
    logger.error({ executionId: id, err: failure }, "an execution's end could not be stored");
    const end = (await onDisk) ? patch : failedEnd(session, failure);
    session.background(retry(session, execution, end));
    return { execution, failure };
  }
}

function failedEnd({ room }: LiveSession, failure: GloveboxError): EndPatch {
  return {
    status: "internal_error",
    exitCode: 1,
    error: { name: failure.code, message: failure.message },
    endedAt: toTimestamp(room.clock.nowMs()),
  };
}

async function retry(session: LiveSession, execution: Execution, end: EndPatch): Promise<void> {
  const { store } = session.room;
  const { tenantId, id } = execution;
  for (;;) {
    try {
      await store.executions.update(tenantId, id, end);
      return await store.events.close(executionStream(tenantId, id));
    } catch {
      // Unref'd: after a restart recovery settles it.
      await delay(RETRY_MS, undefined, { ref: false });
      if (session.letGo) return;
    }
  }
}

function asStoreFailure(error: unknown): GloveboxError {
  if (isGloveboxError(error, "store_failed")) return error;
  const { message } = toGloveboxError(error);
  return new GloveboxError("store_failed", message, { cause: error });
}
