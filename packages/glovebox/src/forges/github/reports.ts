import { GloveboxError } from "../../core/index.ts";
import type { CheckRunReport, CheckRunReports, ForgeHooks, ForgeReports } from "../forge-reports.ts";
import type { ApiAnswer } from "./api.ts";
import { checkRunBody, MAX_COMMENT, MAX_DESCRIPTION } from "./check-run-body.ts";

/** A call of the API for one repository, with whatever token it needs. */
export type RepositoryCall = (
  route: string,
  parameters: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<ApiAnswer>;

const PAGE = 100;
/** Pages that are looked through for something of ours. */
const MAX_PAGES = 10;

/** `checkRuns`: only Apps may write them. */
export function gitHubReports(call: RepositoryCall, { checkRuns }: { readonly checkRuns: boolean }): ForgeReports {
  return {
    ...(checkRuns && { checkRuns: checkRunReports(call) }),
    async setStatus({ sha, context, state, description, targetUrl }, signal) {
      const body = { state, context: context.slice(0, 255), description: description.slice(0, MAX_DESCRIPTION) };
      await call(
        "POST /repos/{owner}/{repo}/statuses/{sha}",
        { sha, ...body, ...(targetUrl !== undefined && { target_url: targetUrl }) },
        signal,
      );
    },
    async findComment(pullRequest, marker, signal) {
      const route = "GET /repos/{owner}/{repo}/issues/{issue_number}/comments";
      for await (const comment of pages(call, route, { issue_number: pullRequest }, signal)) {
        const { body, id } = comment as { readonly body?: unknown; readonly id?: unknown };
        if (typeof body === "string" && body.startsWith(marker)) return String(id);
      }
      return undefined;
    },
    async createComment(pullRequest, body, signal) {
      const route = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments";
      return idOf(await call(route, { issue_number: pullRequest, body: body.slice(0, MAX_COMMENT) }, signal));
    },
    async updateComment(id, body, signal) {
      const route = "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}";
      await call(route, { comment_id: Number(id), body: body.slice(0, MAX_COMMENT) }, signal);
    },
  };
}

function checkRunReports(call: RepositoryCall): CheckRunReports {
  return {
    async create(report: CheckRunReport, signal) {
      const body = { head_sha: report.headSha, ...checkRunBody(report) };
      return idOf(await call("POST /repos/{owner}/{repo}/check-runs", body, signal));
    },
    async update(id, report, signal) {
      const route = "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}";
      await call(route, { check_run_id: Number(id), ...checkRunBody(report) }, signal);
    },
    async find({ headSha, name, externalId }, signal) {
      const route = "GET /repos/{owner}/{repo}/commits/{ref}/check-runs";
      const asked = { ref: headSha, check_name: name, filter: "all" };
      for await (const run of pages(call, route, asked, signal, "check_runs")) {
        const { id, external_id: found } = run as { readonly id?: unknown; readonly external_id?: unknown };
        if (found === externalId) return String(id);
      }
      return undefined;
    },
  };
}

export function gitHubHooks(call: RepositoryCall): ForgeHooks {
  return {
    async register({ url, secret }, signal) {
      const config = { url, secret, content_type: "json", insecure_ssl: "0" };
      const settings = { active: true, events: ["*"], config };
      for await (const hook of pages(call, "GET /repos/{owner}/{repo}/hooks", {}, signal)) {
        const { id, config: found } = hook as { readonly id?: unknown; readonly config?: { readonly url?: unknown } };
        if (found?.url !== url) continue;
        await call("PATCH /repos/{owner}/{repo}/hooks/{hook_id}", { hook_id: Number(id), ...settings }, signal);
        return String(id);
      }
      return idOf(await call("POST /repos/{owner}/{repo}/hooks", { name: "web", ...settings }, signal));
    },
    async remove(id, signal) {
      await call("DELETE /repos/{owner}/{repo}/hooks/{hook_id}", { hook_id: Number(id) }, signal);
    },
  };
}

/** Items of a list, page by page; `within`: the field of the answer that has them. */
async function* pages(
  call: RepositoryCall,
  route: string,
  parameters: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  within?: string,
): AsyncGenerator<unknown> {
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const { data } = await call(route, { ...parameters, per_page: PAGE, page }, signal);
    const items = within === undefined ? data : (data as Readonly<Record<string, unknown>>)[within];
    if (!Array.isArray(items)) throw new GloveboxError("forge_unavailable", `${route}: not a list`);
    yield* items;
    if (items.length < PAGE) return;
  }
}

function idOf({ data }: ApiAnswer): string {
  const id = (data as { readonly id?: unknown } | null)?.id;
  if (typeof id !== "number") throw new GloveboxError("forge_unavailable", "the forge answered without an id");
  return String(id);
}
