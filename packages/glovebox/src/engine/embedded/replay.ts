import { setTimeout as delay } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import type { StoredRun } from "../../store/index.ts";
import { hashValue } from "../journal/chain.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { Program } from "../program.ts";
import type { ReplayOptions, ReplayReport } from "../replay-report.ts";
import { Divergence, describeOperation } from "./divergence.ts";
import { newMachine } from "./drive.ts";
import type { Host } from "./host.ts";
import { live, type Outcome } from "./life.ts";
import { isAnswer, LiveReplay } from "./live-replay.ts";
import type { Machine } from "./machine.ts";
import { journalOf, openingOf, refuseErased } from "./opening.ts";
import { voidsOf } from "./voids.ts";

const END_MS = 1000;

/**
 * Executes a program from the journal alone, with no effect, clock or chance, and compares what it decides: paths, inputs, children, signals
 * asked for, the end. `live`: see {@link LiveReplay}. Rejects with `journal_corrupt` when the journal itself is damaged, with `not_found` when a payload that it needs was erased.
 */
export async function replayRun(
  host: Host,
  stored: StoredRun,
  program: Program,
  { signal, live: isLive = false }: ReplayOptions = {},
): Promise<ReplayReport> {
  const opening = await openingOf(host.source, stored);
  const voids = await voidsOf(host.source, stored);
  const again = isLive ? new LiveReplay(host) : undefined;
  const machine = newMachine(host, program, opening, voids, again && ((operation) => again.begin(operation)));
  const onAbort = () => machine.leave(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  let outcome: Outcome | undefined;
  const life = live({
    runId: stored.run.id,
    tenantId: stored.run.tenantId,
    machine,
    program,
    input: opening.payload.input,
    redactor: host.redactor,
    watch: host.guard.watch(program.name),
    graceMs: host.graceMs,
    workEnds: () => Promise.resolve(),
  }).then((ended) => {
    outcome = ended;
  });
  let records = 0;
  try {
    for await (const page of journalOf(host.source, stored, voids)) {
      for (const written of page) {
        signal?.throwIfAborted();
        if (voids.has(written.seq)) continue;
        const record = machine.read(written);
        refuseErased(record);
        if (again !== undefined && isAnswer(record)) {
          await machine.settle(record);
          await again.finished(record.step ?? "");
          signal?.throwIfAborted();
        }
        await machine.replay(record);
        if (isAnswer(record)) again?.compare(record);
        if (isFinal(record)) await endsAs(record, machine, life, () => outcome);
        records += 1;
      }
    }
    return { identical: true, records, ...(again && { live: again.report }) };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof Divergence)) throw error;
    const firstDifference = error.difference;
    return { identical: false, records, firstDifference, ...(again && { live: again.report }) };
  } finally {
    signal?.removeEventListener("abort", onAbort);
    machine.leave(new GloveboxError("cancelled", "the replay is over"));
    await again?.end();
  }
}

type Final = Extract<JournalRecord, { readonly type: "run.completed" | "run.failed" | "run.cancelled" }>;

function isFinal(record: JournalRecord): record is Final {
  return record.type === "run.completed" || record.type === "run.failed" || record.type === "run.cancelled";
}

async function endsAs(
  record: Final,
  machine: Machine,
  life: Promise<void>,
  outcomeOf: () => Outcome | undefined,
): Promise<void> {
  await machine.settle(record);
  const late = new AbortController();
  await Promise.race([life, delay(END_MS, undefined, { signal: late.signal }).catch(() => {})]);
  late.abort();
  const outcome = outcomeOf();
  const expected = normalised(record);
  const undecided = machine.endedBy === undefined ? machine.undecided() : undefined;
  const found = outcome === undefined || undecided !== undefined ? undefined : summaryOf(outcome);
  if (found !== undefined && hashValue(found) === hashValue(expected)) return;
  const instead = undecided === undefined ? (found ?? "the program has not ended") : describeOperation(undecided);
  throw new Divergence({ seq: record.seq, expected, found: instead });
}

/** What of an end can be compared. */
function normalised(record: Final): Record<string, unknown> {
  if (record.type === "run.completed") return { status: "completed", outputHash: record.payload.outputHash };
  const { code, message } = record.payload.error;
  return { status: record.type === "run.failed" ? "failed" : "cancelled", code, message };
}

function summaryOf(outcome: Outcome): Record<string, unknown> {
  if (outcome.status === "completed") return { status: "completed", outputHash: outcome.outputHash };
  return { status: outcome.status, code: outcome.error.code, message: outcome.error.message };
}
