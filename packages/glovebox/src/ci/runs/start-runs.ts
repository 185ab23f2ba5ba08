import { type CiEvent, type CiRun, type CiSource, GloveboxError } from "../../core/index.ts";
import type { RunStarter } from "./begin-runs.ts";
import { chooseWorkflows } from "./choose-workflows.ts";
import type { CiGit, CiRepositories, CiRepository } from "./ports.ts";
import type { JsonObject } from "./run-input.ts";
import type { RunSecrets } from "./run-secrets.ts";
import type { Sources } from "./sources.ts";
import type { CiStartRequest } from "./start-request.ts";

const READ_TIMEOUT_MS = 120_000;
const UNKNOWN_SHA = "0".repeat(40);

/** Begins what somebody asks for: an uploaded checkout's workflows, or a repository's by hand. */
export async function startRuns(
  parts: {
    readonly starter: RunStarter;
    readonly sources: Sources;
    readonly secrets: RunSecrets;
    readonly repositories: CiRepositories | undefined;
    readonly git: CiGit | undefined;
  },
  tenantId: string,
  request: CiStartRequest,
): Promise<readonly CiRun[]> {
  const { starter, sources, secrets, repositories } = parts;
  const known = await repositoryOf(request, tenantId, repositories);
  const asked = eventOf(request, known?.defaultBranch);
  const source = await sourceOf(request, { tenantId, ref: asked.ref }, parts.git);
  const event = source.kind === "repository" ? { ...asked, sha: source.sha } : asked;
  await sources.check(tenantId, source);
  const repository = known?.fullName ?? request.repository ?? "local/checkout";
  const files = await sources.workflows(tenantId, source, AbortSignal.timeout(READ_TIMEOUT_MS));
  const chosen = await chooseWorkflows(files, {
    event,
    inputs: request.inputs ?? {},
    ...(request.workflows !== undefined && { only: request.workflows }),
    changedFiles: async () => request.event.changedFiles,
  });
  const secretsId = await secrets.keep(tenantId, request.secrets ?? {});
  const payload = payloadOf(request, repository);
  const runs: CiRun[] = [];
  for (const { file, name, inputs } of chosen) {
    const run = await starter.begin(
      tenantId,
      {
        ...(source.kind === "repository" && { repositoryId: source.repositoryId }),
        repository,
        source,
        workflow: file,
        event,
        payload,
        inputs,
        vars: request.vars ?? {},
        ...(request.job !== undefined && { job: request.job }),
        ...(request.matrix !== undefined && { matrix: request.matrix }),
        ...(secretsId !== undefined && { secretsId }),
      },
      { name },
    );
    if (run !== undefined) runs.push(run);
  }
  return runs;
}

async function repositoryOf(
  { source }: CiStartRequest,
  tenantId: string,
  repositories: CiRepositories | undefined,
): Promise<CiRepository | undefined> {
  if (source.kind !== "repository") return undefined;
  const known = await repositories?.get(tenantId, source.repositoryId);
  return known ?? Promise.reject(new GloveboxError("not_found", `no repository ${source.repositoryId}`));
}

async function sourceOf(
  { source }: CiStartRequest,
  { tenantId, ref }: { readonly tenantId: string; readonly ref: string },
  git: CiGit | undefined,
): Promise<CiSource> {
  if (source.kind === "archive") return source;
  const { repositoryId, sha } = source;
  if (sha !== undefined) return { kind: "repository", repositoryId, sha };
  if (git === undefined) throw new GloveboxError("unavailable", "this server has no git");
  const found = await git.resolve(tenantId, repositoryId, ref, AbortSignal.timeout(READ_TIMEOUT_MS));
  return { kind: "repository", repositoryId, sha: found };
}

function eventOf({ event }: CiStartRequest, defaultBranch = "main"): CiEvent {
  const { name, action, ref = `refs/heads/${defaultBranch}`, sha = UNKNOWN_SHA, baseRef, actor = "glovebox" } = event;
  return {
    name,
    ...(action !== undefined && { action }),
    ref,
    sha,
    ...(baseRef !== undefined && { baseRef }),
    actor,
    isFork: false,
  };
}

/** What of GitHub's payloads every workflow may count on. */
function payloadOf({ event, inputs }: CiStartRequest, repository: string): JsonObject {
  const [owner = "", name = ""] = repository.split("/");
  return {
    ...(event.ref !== undefined && { ref: event.ref }),
    ...(event.action !== undefined && { action: event.action }),
    ...(inputs !== undefined && { inputs }),
    repository: { full_name: repository, name, owner: { login: owner } },
    sender: { login: event.actor ?? "glovebox" },
    ...event.payload,
  };
}
