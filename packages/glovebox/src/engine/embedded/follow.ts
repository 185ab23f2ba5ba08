import { GloveboxError } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import type { JournalOptions } from "../durable-engine.ts";
import { toRecord } from "../journal/reader.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { RunChanges } from "./run-changes.ts";
import { isUnfinished } from "./runner.ts";

const PAGE = 500;

/** A run's records as they are, those that a rollback made void too; with `follow` also those to come, until the run has ended. */
export async function* recordsOf(
  { store, changes }: { readonly store: Store; readonly changes: RunChanges },
  tenantId: string,
  id: string,
  { afterSeq = 0, follow = false, signal }: JournalOptions,
): AsyncGenerator<JournalRecord> {
  let at = afterSeq;
  for (;;) {
    signal?.throwIfAborted();
    const stop = new AbortController();
    // Asked for before looking: what is written in between wakes it, too.
    const change = follow ? changes.next(id, signalOf(signal, stop)) : undefined;
    change?.catch(() => {});
    try {
      const stored = await store.runs.get(tenantId, id);
      if (stored === undefined) throw new GloveboxError("not_found", `no run ${id}`);
      for (;;) {
        const rows = await store.runs.read(id, { afterSeq: at, limit: PAGE });
        for (const row of rows) {
          yield await toRecord(store, id, row);
          signal?.throwIfAborted();
        }
        at = rows.at(-1)?.seq ?? at;
        if (rows.length < PAGE) break;
      }
      if (!follow || !isUnfinished(stored.run)) return;
      await change;
    } finally {
      stop.abort();
    }
  }
}

function signalOf(signal: AbortSignal | undefined, stop: AbortController): AbortSignal {
  return signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
}
