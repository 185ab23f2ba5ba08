import { type ErrorBody, GloveboxError, toTimestamp } from "../../core/index.ts";
import { NO_USAGE } from "../budget.ts";
import type { Draft, RecordWith } from "../journal/record.ts";
import type { Program } from "../program.ts";
import type { Host } from "./host.ts";
import { live, type Outcome } from "./life.ts";
import { type LiveRun, usageOf } from "./live-run.ts";
import { Machine } from "./machine.ts";
import { Migration } from "./migration.ts";
import { journalOf, openingOf, refuseErased } from "./opening.ts";
import type { Operation } from "./operation.ts";
import { type Voids, voidsOf } from "./voids.ts";

/**
 * Takes a run up where its journal ends and brings it to its end. Rejects, with the journal as it was, when that cannot be: `journal_corrupt`,
 * `journal_mismatch`, or what the store says.
 */
export async function drive(host: Host, run: LiveRun, program: Program): Promise<Outcome> {
  await run.writer.flush();
  const head = run.writer.stored;
  const stored = { run: run.run, head };
  const opening = await openingOf(host.source, stored);
  const voids = await voidsOf(host.source, stored);
  const machine = newMachine(host, program, opening, voids);
  const life = live({
    runId: run.id,
    tenantId: run.tenantId,
    machine,
    program,
    input: opening.payload.input,
    redactor: host.redactor,
    watch: host.guard.watch(program.name),
    graceMs: host.graceMs,
    workEnds: () => run.workEnds(),
  });
  try {
    let used = NO_USAGE;
    for await (const page of journalOf(host.source, stored, voids)) {
      run.stopped.throwIfAborted();
      for (const record of page) {
        refuseErased(record);
        await machine.replay(machine.read(record));
        // What was spent stays spent, also before a rollback.
        used = usageOf(used, record);
      }
    }
    await machine.settle();
    if (head.seq > 1) resumed(run, program);
    run.stopped.throwIfAborted();
    await run.goLive(machine, { used, head, epoch: voids.count });
  } catch (error) {
    machine.leave(error);
    throw error;
  }
  const outcome = await Promise.race([life, run.broken]);
  // Left in the same moment: the end could not be written any more.
  run.stopped.throwIfAborted();
  await conclude(host, run, outcome);
  return outcome;
}

export function newMachine(
  host: Pick<Host, "redactor">,
  program: Program,
  opening: RecordWith<"run.started">,
  voids: Voids,
  onAsk?: (operation: Operation) => void,
): Machine {
  const { payload } = opening;
  const copiedUntil = payload.copied === undefined ? 0 : payload.copied + 1;
  return new Machine({
    redactor: host.redactor,
    ...(payload.overrides === undefined ? {} : { overrides: payload.overrides }),
    ...(program.continues.length === 0 ? {} : { migration: new Migration(program, opening) }),
    copiedUntil,
    onAsk,
    doneAgainUntil: Math.max(copiedUntil, voids.lastSeq),
  });
}

function resumed(run: LiveRun, program: Program): void {
  const { version, resumes } = run.run;
  run.change({ resumes: resumes + 1, version: program.version });
  const from = version === program.version ? {} : { from: version };
  run.append({ type: "run.resumed", payload: { version: program.version, ...from } });
}

async function conclude(host: Host, run: LiveRun, outcome: Outcome): Promise<void> {
  const ended = { waitingFor: undefined, endedAt: toTimestamp(host.clock.nowMs()) };
  if (outcome.status === "completed") run.change({ ...ended, status: "completed" });
  else run.change({ ...ended, status: outcome.status, error: outcome.error });
  run.append(finalRecord(outcome));
  run.writer.close();
  await run.leave(new GloveboxError("cancelled", "the run has ended"));
  run.checkWritten();
  const reason = outcome.status === "completed" ? "the run that started it has ended" : outcome.error.message;
  await host.cancelChildren(run.tenantId, run.id, reason);
  await host.onEnd(run.run);
}

function finalRecord(outcome: Outcome): Draft {
  if (outcome.status === "completed") {
    const { output, outputHash } = outcome;
    return { type: "run.completed", payload: { ...(output === undefined ? {} : { output }), outputHash } };
  }
  const error: ErrorBody = outcome.error;
  return { type: outcome.status === "failed" ? "run.failed" : "run.cancelled", payload: { error } };
}
