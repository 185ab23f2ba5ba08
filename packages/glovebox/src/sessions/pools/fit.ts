import { isDeepStrictEqual } from "node:util";
import type { PoolMiss } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../../sandbox/index.ts";
import { type KernelLanguage, kernelLanguage } from "../work/workbench.ts";

/** What of a spec is judged by a rule of its own here; the rest must be the same. A field that is added later so is a miss until it is thought through. */
const JUDGED = ["id", "workspaceDir", "limits", "allowPartial", "env", "languages", "network"] as const;

/** The kernels that a session may have out of a ready sandbox, or why it cannot have the sandbox at all. */
export type Fit = { readonly kernels: ReadonlySet<KernelLanguage> } | { readonly miss: PoolMiss };

/** Whether a sandbox that was made as `ready` says can stand for one that would be made as `asked` says. Its id and its empty workspace become the session's. */
export function fit(
  asked: SandboxSpec,
  ready: SandboxSpec,
  { limitsApplied, isolation }: Pick<Sandbox, "limitsApplied" | "isolation">,
): Fit {
  // Sizes of its memory-backed folders and its processor were settled when it started.
  if (!isDeepStrictEqual(asked.limits, ready.limits)) return { miss: "limits" };
  if (!asked.allowPartial && limitsApplied.some(({ applied }) => applied === null)) return { miss: "limits" };
  // Who decides is put in its place when it is taken; what it trusts is in a file since it started.
  const sameWay = (asked.network === undefined) === (ready.network === undefined);
  if (!sameWay || asked.network?.authority !== ready.network?.authority) return { miss: "network" };
  if (!isDeepStrictEqual(rest(asked), rest(ready))) return { miss: "template" };
  if (!isDeepStrictEqual(asked.env, ready.env)) {
    // An isolate's programs have the environment that it was made with.
    if (isolation === "isolate") return { miss: "env" };
    // What starts from now on has the session's; kernels that run read theirs when they started.
    return { kernels: new Set() };
  }
  return { kernels: kernelsOf(asked.languages) };
}

/** The kernels of languages that have one. */
export function kernelsOf(languages: SandboxSpec["languages"]): Set<KernelLanguage> {
  return new Set(languages.flatMap((language) => (language === "rust" ? [] : [kernelLanguage(language)])));
}

function rest(spec: SandboxSpec): Partial<SandboxSpec> {
  const other: Partial<SandboxSpec> = { ...spec };
  for (const name of JUDGED) delete (other as Record<string, unknown>)[name];
  return other;
}
