import { isGloveboxError } from "../../core/index.ts";
import type { ForgeReports } from "../../forges/index.ts";
import { COMMENT_MARKER } from "./pull-request-comment.ts";
import { type CommentState, hashOf } from "./report-state.ts";

/** Brings a pull request's one comment up to date. Resolves to what to keep of it; errors as of `ForgeReports`. */
export async function reportComment(
  reports: ForgeReports,
  { pullRequest, body }: { readonly pullRequest: number; readonly body: string },
  kept: { readonly state: CommentState; readonly save: (state: CommentState) => Promise<void> },
  signal: AbortSignal,
): Promise<void> {
  const hash = hashOf(body);
  if (kept.state.hash === hash) return;
  // Made before, perhaps by a server whose answer or whose data was lost.
  const known = kept.state.id ?? (await reports.findComment(pullRequest, COMMENT_MARKER, signal));
  if (known !== undefined) {
    try {
      await reports.updateComment(known, body, signal);
      await kept.save({ id: known, hash });
      return;
    } catch (error) {
      // Somebody deleted it: another one is made.
      if (!isGloveboxError(error, "not_found")) throw error;
    }
  }
  await kept.save({ id: await reports.createComment(pullRequest, body, signal), hash });
}
