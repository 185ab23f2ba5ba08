import type { ProgramContext } from "../../engine/index.ts";
import type { JobAtHand } from "./run-job.ts";

/** What is known of the step that a cancel ended. As a step of its own, since a later life of the program cannot know it. */
export async function cancelledStep(context: ProgramContext, { progress }: JobAtHand): Promise<void> {
  const { current } = progress;
  if (current === undefined) return;
  const { number, name, id } = current;
  const executionIds = await context.step(`cancel ${number}`, {}, () => [...current.executionIds]);
  progress.endWithout({ name, conclusion: "cancelled", executionIds, ...(id !== undefined && { id }) });
}
