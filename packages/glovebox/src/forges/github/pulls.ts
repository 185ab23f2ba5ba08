import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { ForgePulls, PullRequest, PullRequestDraft } from "../forge-pulls.ts";
import { branchRef } from "../git/ref-name.ts";
import { MAX_COMMENT } from "./check-run-body.ts";
import type { RepositoryCall } from "./reports.ts";

const ROUTE = "/repos/{owner}/{repo}/pulls";
const MAX_TITLE = 256;

/** `owner`: of the repository, whose branches these are. */
export function gitHubPulls(call: RepositoryCall, owner: string): ForgePulls {
  const find = async ({ head, base }: PullRequestDraft, signal: AbortSignal): Promise<PullRequest | undefined> => {
    const asked = { head: `${owner}:${head}`, base, state: "open", per_page: 1 };
    const { data } = await call(`GET ${ROUTE}`, asked, signal);
    if (!Array.isArray(data)) throw new GloveboxError("forge_unavailable", `GET ${ROUTE}: not a list`);
    return data.length === 0 ? undefined : read(data[0], false);
  };
  return {
    async open(draft, signal) {
      const { head, base, title, body } = draft;
      for (const branch of [head, base]) branchRef(branch);
      if (title.trim() === "") throw new GloveboxError("invalid_argument", "a pull request has a title");
      const found = await find(draft, signal);
      if (found !== undefined) return found;
      try {
        const sent = { head, base, title: title.slice(0, MAX_TITLE), body: body.slice(0, MAX_COMMENT) };
        const { data } = await call(`POST ${ROUTE}`, sent, signal);
        return read(data, true);
      } catch (error) {
        // Somebody may have been faster: GitHub takes one for two branches.
        const other = isGloveboxError(error, "invalid_argument") ? await find(draft, signal) : undefined;
        if (other === undefined) throw error;
        return other;
      }
    },
  };
}

function read(data: unknown, isNew: boolean): PullRequest {
  const { number, html_url: url } = (data ?? {}) as { readonly number?: unknown; readonly html_url?: unknown };
  if (typeof number !== "number" || typeof url !== "string") {
    throw new GloveboxError("forge_unavailable", "the forge answered without a pull request's number");
  }
  return { number, url, isNew };
}
