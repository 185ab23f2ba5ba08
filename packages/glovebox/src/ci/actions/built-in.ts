import type { StepAtHand, StepEnd } from "../runner/run-step.ts";
import type { StepRun } from "../runner/step-run.ts";
import type { InputDefinition } from "../workflow/workflow.ts";
import type { Used } from "./action-reference.ts";
import { downloadArtifact, uploadArtifact } from "./built-in/artifacts.ts";
import { cache, restoreCache, saveCache } from "./built-in/cache.ts";
import { checkout } from "./built-in/checkout.ts";
import { rustToolchain } from "./built-in/rust-toolchain.ts";
import { setupGo } from "./built-in/setup-go.ts";
import { setupNode } from "./built-in/setup-node.ts";
import { setupPython } from "./built-in/setup-python.ts";

/** An action that is done here instead of being fetched, so that workflows run without a network. */
export interface BuiltInAction {
  readonly inputs: Readonly<Record<string, Pick<InputDefinition, "default">>>;
  run(run: StepRun, at: StepAtHand, inputs: Readonly<Record<string, string>>, used: Used): Promise<StepEnd>;
  /** After the job, where its run asked for it. */
  readonly post?: (run: StepRun, at: PostAtHand) => Promise<StepEnd>;
}

export interface PostAtHand extends Pick<StepAtHand, "place" | "env" | "github" | "timeoutMs"> {
  /** Unique in the job. */
  readonly key: string;
  readonly inputs: Readonly<Record<string, string>>;
  /** How the job stands. */
  readonly hasSucceeded: boolean;
}

/** By `owner/repo[/path]`, whatever the ref: what is built in is the behaviour of the latest one. */
const BUILT_IN: ReadonlyMap<string, BuiltInAction> = new Map([
  ["actions/checkout", checkout],
  ["actions/cache", cache],
  ["actions/cache/restore", restoreCache],
  ["actions/cache/save", saveCache],
  ["actions/upload-artifact", uploadArtifact],
  ["actions/download-artifact", downloadArtifact],
  ["actions/setup-node", setupNode],
  ["actions/setup-python", setupPython],
  ["actions/setup-go", setupGo],
  ["dtolnay/rust-toolchain", rustToolchain],
]);

export function findBuiltIn(used: Used): BuiltInAction | undefined {
  return used.kind === "repository" ? builtInNamed(nameOfUsed(used)) : undefined;
}

export function builtInNamed(name: string): BuiltInAction | undefined {
  return BUILT_IN.get(name.toLowerCase());
}

export function nameOfUsed({ owner, repo, path }: Extract<Used, { readonly kind: "repository" }>): string {
  return `${owner}/${repo}${path === undefined ? "" : `/${path}`}`;
}
