import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { RepositorySource } from "../workbench/repository-tree.ts";
import type { FlowChange, FlowTests, StepReport } from "./flow-result.ts";

/** What becomes of the change to a repository that the server knows. */
export const Publish = z.enum(["branch", "pull_request"]);

/** A flow's change on its way to where the repository came from. */
export interface PublishRequest {
  readonly repositoryId: string;
  /** The commit that the change was made on. */
  readonly base: string;
  readonly branch: string;
  readonly changes: readonly z.infer<typeof FlowChange>[];
  /** The commit's; of a pull request the first line is the title. */
  readonly message: string;
  /** Opens a pull request into this branch; `null`: into the repository's default branch. Absent: no pull request. */
  readonly into?: string | null;
}

export interface Published {
  readonly commit: string;
  readonly pullRequest?: { readonly number: number; readonly url: string };
}

/** Commits and pushes; asked again, it comes to the same. Errors: `not_found`, `conflict` when the branch is another commit, those of the forge. */
export type PublishChange = (tenantId: string, request: PublishRequest, signal: AbortSignal) => Promise<Published>;

/** Before anything runs. `invalid_argument` where there is nothing to push to, `unavailable` where nobody pushes. */
export function checkPublish(
  { publish, repository }: { readonly publish?: unknown; readonly repository?: RepositorySource | undefined },
  change: PublishChange | undefined,
): void {
  if (publish === undefined) return;
  if (repository?.kind !== "repository") {
    throw new GloveboxError("invalid_argument", "only what comes of a repository that the server knows can be pushed", {
      details: { path: "setup.publish" },
    });
  }
  if (change === undefined) throw new GloveboxError("unavailable", "this server pushes nothing");
}

/** What the commit of a flow's change says. */
export function commitMessage(
  flow: string,
  {
    steps,
    tests,
  }: { readonly steps: readonly StepReport[]; readonly tests: Pick<FlowTests, "status" | "passed" | "runner"> | null },
): string {
  const done = steps.filter(({ status }) => status === "done").map(({ id, summary }) => `- ${id}: ${oneLine(summary)}`);
  const green = tests?.status === "passed" ? `\n${tests.passed} tests pass (${tests.runner}).\n` : "";
  return `${flow}: change by Glovebox\n\n${done.join("\n")}\n${green}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").slice(0, 200);
}
