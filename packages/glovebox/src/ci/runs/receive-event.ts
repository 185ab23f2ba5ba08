import type { CiEvent, CiRun } from "../../core/index.ts";
import type { ForgeEvent } from "../../forges/index.ts";
import type { RunStarter } from "./begin-runs.ts";
import { chooseWorkflows } from "./choose-workflows.ts";
import type { CiGit, CiRepository } from "./ports.ts";
import type { JsonObject } from "./run-input.ts";
import type { Sources } from "./sources.ts";

const NO_COMMIT = /^0+$/;

/** Begins the workflows that a forge's event starts. A delivery that comes again finds what it began. */
export async function receiveEvent(
  parts: { readonly starter: RunStarter; readonly sources: Sources; readonly git: CiGit },
  event: ForgeEvent,
  { id: repositoryId, tenantId, fullName }: CiRepository,
  signal: AbortSignal,
): Promise<readonly CiRun[]> {
  if (event.isDeletion) return [];
  const { starter, sources, git } = parts;
  const sha = event.sha ?? (await git.resolve(tenantId, repositoryId, event.ref, signal));
  const source = { kind: "repository", repositoryId, sha } as const;
  const files = await sources.workflows(tenantId, source, signal);
  const { name, action, ref, baseRef, before } = event;
  const given = event.payload.inputs;
  const chosen = await chooseWorkflows(files, {
    event: { name, ref, ...(action !== undefined && { action }), ...(baseRef !== undefined && { baseRef }) },
    inputs: name === "workflow_dispatch" && isObject(given) ? given : {},
    ...(name === "workflow_dispatch" && { only: dispatched(event) }),
    changedFiles: async () =>
      before === undefined || NO_COMMIT.test(before)
        ? undefined
        : git.changedFiles(tenantId, repositoryId, { before, sha }, signal),
  });
  const runs: CiRun[] = [];
  for (const { file, name: workflowName, inputs } of chosen) {
    const run = await starter.begin(
      tenantId,
      {
        repositoryId,
        repository: fullName,
        source,
        workflow: file,
        event: eventOf(event, sha),
        payload: event.payload as JsonObject,
        inputs,
        vars: {},
      },
      { idempotencyKey: `ci/${repositoryId}/${event.deliveryId}/${file.path}`, name: workflowName },
    );
    if (run !== undefined) runs.push(run);
  }
  return runs;
}

/** The one file that a dispatch names; GitHub sends its path. */
function dispatched({ payload }: ForgeEvent): readonly string[] {
  const { workflow } = payload;
  return typeof workflow === "string" ? [workflow.replace(/^\//, "")] : [];
}

export function eventOf(event: ForgeEvent, sha: string): CiEvent {
  const { name, action, ref, headSha, baseRef, headRef, actor, isFork, pullRequest, deliveryId } = event;
  return {
    name,
    ...(action !== undefined && { action }),
    ref,
    sha,
    ...(headSha !== undefined && { headSha }),
    ...(baseRef !== undefined && { baseRef }),
    ...(headRef !== undefined && { headRef }),
    actor,
    isFork,
    ...(pullRequest !== undefined && { pullRequest }),
    deliveryId,
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
