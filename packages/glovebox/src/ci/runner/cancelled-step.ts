import type { ProgramContext } from "../../engine/index.ts";
import { beginStep, recordOf } from "./do-step.ts";
import type { JobAtHand } from "./run-job.ts";

/**
 * Ends the step that a cancel interrupted, once its processes are gone. As a step of the engine, since a later life of the program cannot know how far it had come: what its actions
 * want done after the job is done although they did not come to their end.
 */
export async function cancelledStep(context: ProgramContext, at: JobAtHand): Promise<void> {
  const { progress, memory, sandbox } = at;
  const { current } = progress;
  if (current === undefined) return;
  const { name } = current;
  const record = await sandbox.work(context, `cancelled ${current.number}`, {}, async (_input, bench) => {
    const { run, startedAtMs } = memory.atWork ?? { ...(await beginStep(at, bench)), startedAtMs: Date.now() };
    await run.bench.settled();
    const done = { name, outcome: "cancelled", conclusion: "cancelled", outputs: {} } as const;
    return recordOf(at, bench, { run, startedAtMs, done });
  });
  progress.end(record);
}
