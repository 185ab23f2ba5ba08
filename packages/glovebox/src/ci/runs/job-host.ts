import { GloveboxError } from "../../core/index.ts";
import type { JobHost } from "../runner/index.ts";
import type { StorageScope } from "../toolkit/folder-storage.ts";
import type { StepsJob } from "../workflow/workflow.ts";
import type { Flow } from "./flow.ts";
import { permissionsOf } from "./permissions-of.ts";
import type { RunState } from "./run-state.ts";

const TOKEN_TIMEOUT_MS = 30_000;

/** What the runner of one job gets from outside: secrets, code and actions. */
export function jobHost(
  state: RunState,
  flow: Flow,
  { job, environment }: { readonly job: StepsJob; readonly environment: string | undefined },
): Omit<JobHost, "progress"> {
  const { sources, git, repositories, storage } = state.parts;
  const { repositoryId, source } = state.input;
  return {
    async secrets() {
      if (!flow.secretsAllowed) return {};
      const secrets = await flow.secrets(environment);
      if (repositories === undefined || repositoryId === undefined) return secrets;
      const permissions = permissionsOf(flow, job);
      const signal = AbortSignal.timeout(TOKEN_TIMEOUT_MS);
      const token = await repositories.token(state.tenantId, repositoryId, permissions, signal);
      return token === undefined ? secrets : { ...secrets, GITHUB_TOKEN: token };
    },
    storage: storage(storageScope(state)),
    hasHistory: source.kind === "repository",
    source: (_job, request, signal) => sources.open(state.tenantId, source, request, signal),
    async action(reference, signal) {
      if (git !== undefined) return git.action(reference, signal);
      const { owner, repo, ref } = reference;
      throw new GloveboxError(
        "unavailable",
        `the action ${owner}/${repo}@${ref} cannot be fetched: this server has no git`,
      );
    },
  };
}

/** Attempts share artifacts. What comes from a fork shares no cache with the repository: it could put there what others then run. */
function storageScope({ input, tenantId, runId }: RunState): StorageScope {
  const repository = input.repositoryId ?? input.repository;
  const { isFork, pullRequest, ref } = input.event;
  return {
    tenantId,
    repository: isFork ? `${repository}/fork/${pullRequest ?? ref}` : repository,
    runId: input.artifactsOf ?? runId,
    keptBy: runId,
  };
}
