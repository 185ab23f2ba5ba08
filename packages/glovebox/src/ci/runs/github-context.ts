import type { GithubContext } from "../runner/index.ts";
import type { CiRepository } from "./ports.ts";
import type { CiRunInput } from "./run-input.ts";

const REF_KINDS = [
  { prefix: "refs/heads/", type: "branch" },
  { prefix: "refs/tags/", type: "tag" },
] as const;

/**
 * The `github` context as far as a run knows it; `job`, `workspace`, `token` and what concerns steps is the runner's.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#github-context
 */
export function githubContext(
  input: CiRunInput,
  run: { readonly id: string; readonly number: number; readonly workflowName: string },
  repository: Pick<CiRepository, "serverUrl" | "apiUrl"> | undefined,
): GithubContext {
  const { event, workflow } = input;
  const [owner = "", name = ""] = input.repository.split("/");
  const kind = REF_KINDS.find(({ prefix }) => event.ref.startsWith(prefix));
  const serverUrl = repository?.serverUrl ?? "https://github.com";
  return {
    event_name: event.name,
    event: input.payload,
    repository: input.repository,
    repository_owner: owner,
    repositoryUrl: `git://${serverUrl.replace(/^https?:\/\//, "")}/${owner}/${name}.git`,
    sha: event.sha,
    ref: event.ref,
    ref_name: kind === undefined ? event.ref.replace(/^refs\/pull\//, "") : event.ref.slice(kind.prefix.length),
    ref_type: kind?.type ?? "branch",
    base_ref: event.baseRef ?? "",
    head_ref: event.headRef ?? "",
    actor: event.actor,
    triggering_actor: event.actor,
    workflow: run.workflowName,
    workflow_ref: `${input.repository}/${workflow.path}@${event.ref}`,
    workflow_sha: event.sha,
    run_id: run.id,
    run_number: String(run.number),
    run_attempt: String(input.attempt),
    server_url: serverUrl,
    api_url: repository?.apiUrl ?? "https://api.github.com",
    graphql_url: `${repository?.apiUrl ?? "https://api.github.com"}/graphql`,
  };
}
