import { setTimeout as sleep } from "node:timers/promises";
import { isGloveboxError } from "../../core/index.ts";
import type { ForgeEvent } from "../../forges/index.ts";
import type { OpenRepository } from "../repositories/repository-git.ts";

/** GitHub makes the merge when it is asked for the first time, and delivers meanwhile. Milliseconds. */
const WAITS_MS = [0, 500, 1500];

/**
 * The event with the commit that runs. Of a pull request that is the merge with its base, once that is the merge of this very head, and what changed is
 * what the merge brings; where there is none (conflicts, other forges, closed ones) it is the head as it is.
 */
export async function withCommit(
  event: ForgeEvent,
  open: () => Promise<OpenRepository>,
  signal: AbortSignal,
): Promise<ForgeEvent> {
  const { headSha, ref, sha } = event;
  if (sha !== undefined || headSha === undefined || !ref.startsWith("refs/pull/")) return event;
  if (event.action === "closed") return { ...event, sha: headSha };
  const { git, remote } = await open();
  for (const waitMs of WAITS_MS) {
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    const merge = await git.resolve(remote, ref, signal);
    if (merge === undefined) continue;
    try {
      await git.ensure(remote, merge, { signal, depth: 2 });
      const [base, head] = await git.parents(merge, signal);
      if (head === headSha && base !== undefined) return { ...event, sha: merge, before: base };
    } catch (error) {
      // It was made anew since.
      if (!isGloveboxError(error, "not_found")) throw error;
    }
  }
  return { ...event, sha: headSha };
}
