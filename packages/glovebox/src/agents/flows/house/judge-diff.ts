import { GloveboxError } from "../../../core/index.ts";
import type { Diff } from "../../messages/diff.ts";
import { applyHunks } from "../../workbench/apply-hunks.ts";
import { parseDiff } from "../../workbench/parse-diff.ts";
import type { FlowScope } from "../flow-scope.ts";

/**
 * Why a diff would make tests say less than they do, as a step of that name; empty: it does not. A diff that cannot be read, or does not fit the files as they are, is judged by
 * what it would leave: nothing.
 */
export async function weakenings({ bench, host }: FlowScope, name: string, diff: Diff): Promise<readonly string[]> {
  return bench.work(name, { diff }, async (_given, repository) => {
    const before: { path: string; text: string }[] = [];
    const after: { path: string; text: string }[] = [];
    for (const { path, kind, hunks } of parseDiff(diff.text)) {
      const text = await repository.readFileIfAny(path);
      if (text !== undefined) before.push({ path, text });
      if (kind === "delete") continue;
      const fresh = applyHunks(text ?? "", hunks);
      if (fresh === undefined) throw new GloveboxError("conflict", `the diff does not fit ${path} as it is`);
      after.push({ path, text: fresh });
    }
    const found = await host.code.call("testsWeakened", { before, after }, { signal: repository.signal });
    return found.slice(0, 20).map(({ reason }) => reason);
  });
}
