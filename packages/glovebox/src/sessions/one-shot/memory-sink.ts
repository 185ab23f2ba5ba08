import { type Clock, type StoredEvent, toTimestamp } from "../../core/index.ts";
import type { EventSink } from "../output/event-writer.ts";

/** Events go to a callback, and are kept when asked for. A callback that takes its time slows the program down, as a store would. */
export function memorySink(options: {
  readonly clock: Clock;
  readonly keep: boolean;
  readonly onEvent?: ((event: StoredEvent) => void | Promise<void>) | undefined;
}): { readonly sink: EventSink; readonly events: StoredEvent[] } {
  const events: StoredEvent[] = [];
  let seq = 0;
  let tail: Promise<void> = Promise.resolve();
  const sink: EventSink = {
    append: (batch) => {
      const ts = toTimestamp(options.clock.nowMs());
      const stored = batch.map((event) => {
        seq += 1;
        return { ...event, seq, ts };
      });
      if (options.keep) events.push(...stored);
      const { onEvent } = options;
      if (onEvent === undefined) return tail;
      tail = tail.then(async () => {
        for (const event of stored) await onEvent(event);
      });
      return tail;
    },
  };
  return { sink, events };
}
