import { GloveboxError } from "../../core/index.ts";
import type { ActionReference } from "../runner/job-run.ts";

/** What `uses:` of a step names. */
export type Used =
  /** In the job's own workspace, or beside the action that uses it. */
  | { readonly kind: "local"; readonly path: string }
  | ({ readonly kind: "repository" } & ActionReference)
  | { readonly kind: "image"; readonly image: string };

/** Errors: `invalid_argument`. */
export function parseUses(uses: string): Used {
  if (uses.startsWith("docker://")) return { kind: "image", image: uses.slice("docker://".length) };
  if (uses === "." || uses.startsWith("./") || uses.startsWith("../")) return { kind: "local", path: uses };
  const [, owner, repo, path, ref] = /^([\w.-]+)\/([\w.-]+)((?:\/[^@/\\]+)*)@([^\s@]+)$/.exec(uses) ?? [];
  if (owner === undefined || repo === undefined || ref === undefined || path?.split("/").includes("..")) {
    throw new GloveboxError("invalid_argument", `Expected format {org}/{repo}[/path]@ref. Actual '${uses}'`);
  }
  return { kind: "repository", owner, repo, ref, ...(path !== undefined && path !== "" && { path: path.slice(1) }) };
}
