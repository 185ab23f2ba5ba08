import type { SandboxBench } from "../../runs/index.ts";
import { LAYOUT } from "./layout.ts";
import type { JobAtHand } from "./run-job.ts";

const prepared = new WeakSet<JobAtHand["memory"]>();

/** Puts the event's payload where programs look for it, once in the life of the server. */
export async function prepareJob({ job, memory }: JobAtHand, bench: SandboxBench): Promise<void> {
  if (prepared.has(memory)) return;
  const files = await bench.files();
  const event = Buffer.from(JSON.stringify(job.contexts.github.event));
  await files.write(LAYOUT.event, event, { parents: true, signal: bench.signal });
  prepared.add(memory);
}
