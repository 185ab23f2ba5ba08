import type { NewEvent, StreamRef } from "../../core/index.ts";
import type { EventLog } from "../../store/index.ts";
import type { EventSink } from "../output/event-writer.ts";
import type { StreamState } from "../output/stream-state.ts";

/** Events and state go to the store in one transaction. With the outcome the stream is closed: asked for together, the two share a commit. */
export function storeSink(events: EventLog, stream: StreamRef): EventSink {
  return {
    append: async (batch: readonly NewEvent[], state: StreamState) => {
      const appended = events.append(stream, batch, state);
      if (state.outcome === undefined) await appended;
      else await Promise.all([appended, events.close(stream)]);
    },
  };
}

export function executionStream(tenantId: string, id: string): StreamRef {
  return { tenantId, kind: "execution", id };
}
