import type { JsonValue } from "../../engine/index.ts";
import type { GithubContext } from "./job-run.ts";
import { LAYOUT } from "./layout.ts";

/** Those of `github` that programs find as `GITHUB_…`. Source: https://docs.github.com/en/actions/reference/workflows-and-actions/variables#default-environment-variables */
const OF_GITHUB = [
  "action",
  "action_path",
  "action_ref",
  "action_repository",
  "actor",
  "actor_id",
  "api_url",
  "base_ref",
  "event_name",
  "event_path",
  "graphql_url",
  "head_ref",
  "job",
  "ref",
  "ref_name",
  "ref_protected",
  "ref_type",
  "repository",
  "repository_id",
  "repository_owner",
  "repository_owner_id",
  "retention_days",
  "run_attempt",
  "run_id",
  "run_number",
  "server_url",
  "sha",
  "triggering_actor",
  "workflow",
  "workflow_ref",
  "workflow_sha",
  "workspace",
] as const;

/** What steps find of the machine that they run on. */
export const RUNNER_CONTEXT = {
  name: "glovebox",
  os: "Linux",
  arch: process.arch === "arm64" ? "ARM64" : "X64",
  environment: "self-hosted",
  temp: LAYOUT.temp,
  tool_cache: LAYOUT.tools,
  workspace: "/workspace",
} as const;

/** Below all else: what workflows may set otherwise. */
export const CHANGEABLE_VARIABLES: Readonly<Record<string, string>> = { CI: "true", HOME: LAYOUT.home };

/** Above all else: no workflow can set them otherwise. */
export function defaultVariables(github: Partial<GithubContext>): Record<string, string> {
  const variables: Record<string, string> = { GITHUB_ACTIONS: "true" };
  for (const name of OF_GITHUB) {
    const value = github[name];
    if (value !== undefined) variables[`GITHUB_${name.toUpperCase()}`] = textOf(value);
  }
  for (const [name, value] of Object.entries(RUNNER_CONTEXT)) variables[`RUNNER_${name.toUpperCase()}`] = value;
  return variables;
}

function textOf(value: JsonValue): string {
  return value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}
