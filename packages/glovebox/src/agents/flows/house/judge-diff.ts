import { GloveboxError, isGloveboxError } from "../../../core/index.ts";
import type { Diff } from "../../messages/diff.ts";
import { applyHunks } from "../../workbench/apply-hunks.ts";
import { makeDiff, type TextChange } from "../../workbench/make-diff.ts";
import { parseDiff } from "../../workbench/parse-diff.ts";
import type { RepositoryBench } from "../../workbench/repository-bench.ts";
import type { FlowScope } from "../flow-scope.ts";

const MAX_REASONS = 20;
const NOTHING: Diff = { format: "unified", text: "", files: [] };

export interface RepairVerdict {
  /** Why it is refused; empty: it is not. */
  readonly against: readonly string[];
  /** Takes it back. */
  readonly undo: Diff;
}

/** Why a diff would make tests say less than they do, as a step of that name; empty: it does not. Who proposes it may add tests. */
export async function weakenings(scope: FlowScope, name: string, diff: Diff): Promise<readonly string[]> {
  return (await judge(scope, name, diff, { isRepair: false, tests: [] })).against;
}

/**
 * Judges a diff that is to repair code, as a step of that name: it may touch neither tests nor what runs them, whoever proposes it. `tests`: files that had tests in them when
 * they ran.
 */
export function judgeRepair(
  scope: FlowScope,
  name: string,
  diff: Diff,
  tests: readonly string[],
): Promise<RepairVerdict> {
  return judge(scope, name, diff, { isRepair: true, tests: [...tests] });
}

function judge(
  { bench, host }: FlowScope,
  name: string,
  diff: Diff,
  how: { readonly isRepair: boolean; readonly tests: readonly string[] },
): Promise<RepairVerdict> {
  return bench.work(name, { diff, ...how }, async (_given, repository) => {
    const changes = await changesOf(repository, diff);
    if (typeof changes === "string") return { against: [changes], undo: NOTHING };
    const texts = (side: "before" | "after") =>
      changes.flatMap(({ path, [side]: text }) => (text === null ? [] : [{ path, text }]));
    const asked = { before: texts("before"), after: texts("after"), ...how };
    const found = await host.code.call("testsWeakened", asked, { signal: repository.signal });
    const undo = how.isRepair
      ? makeDiff(changes.map(({ path, before, after }) => ({ path, before: after, after: before })))
      : NOTHING;
    return { against: [...new Set(found.map(({ reason }) => reason))].slice(0, MAX_REASONS), undo };
  });
}

/** What a diff makes of the files as they are; a text: why it cannot be told. */
async function changesOf(repository: RepositoryBench, diff: Diff): Promise<TextChange[] | string> {
  try {
    const changes: TextChange[] = [];
    for (const { path, kind, hunks } of parseDiff(diff.text)) {
      const before = (await repository.readFileIfAny(path)) ?? null;
      const after = kind === "delete" ? null : applyHunks(before ?? "", hunks);
      if (after === undefined) throw new GloveboxError("conflict", `the diff does not fit ${path} as it is`);
      changes.push({ path, before, after });
    }
    return changes;
  } catch (error) {
    // What cannot be judged is refused, as what is judged to be wrong.
    const isOfDiff = ["conflict", "invalid_argument", "invalid_path", "payload_too_large"] as const;
    if (isOfDiff.some((code) => isGloveboxError(error, code))) return (error as GloveboxError).message;
    throw error;
  }
}
