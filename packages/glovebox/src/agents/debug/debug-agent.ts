import { GloveboxError } from "../../core/index.ts";
import type { Agent, AgentHost, TaskOf } from "../agent.ts";
import type { Artifact } from "../messages/artifact.ts";
import type { Diff } from "../messages/diff.ts";
import { changes, summary } from "../messages/make-message.ts";
import type { AgentOutcome } from "../messages/result.ts";
import { makeDiff } from "../workbench/make-diff.ts";
import type { Workbench } from "../workbench/workbench.ts";
import { type Diagnosis, diagnose } from "./diagnose.ts";
import { favouredBy, hintsFrom } from "./failures/hints.ts";
import { refine } from "./localise/refine.ts";
import type { Suspect } from "./localise/suspect.ts";
import { compareMutations } from "./mutations/mutate.ts";
import { applyChanges, type Mutation } from "./mutations/mutation.ts";
import { DebugPayload } from "./payload.ts";
import { askForPatches } from "./repair/ask-for-patches.ts";
import { type SearchResult, search } from "./repair/search.ts";
import type { Candidate } from "./repair/trial.ts";

/** Of one line, at most so many changes: no line takes all places. */
const MAX_PER_LINE = 60;
const MAX_SHOWN = 50;

/** Finds what makes tests fail, and repairs it where a small change does: every repair has passed all tests, and none touches a test. */
export const debugAgent: Agent<DebugPayload> = {
  name: "debug",
  capabilities: ["debug"],
  description: "Ranks the lines that make tests fail, and repairs by changes that all tests have judged",
  payload: DebugPayload,
  work: debug,
};

async function debug(host: AgentHost, { payload }: TaskOf<DebugPayload>): Promise<AgentOutcome> {
  const { bench } = host;
  if (bench === undefined) throw new GloveboxError("invalid_argument", "the agent debug needs a repository");
  const diagnosis = await diagnose(host, bench, payload);
  const { failing, report, suspects } = diagnosis;
  if (failing.length === 0) {
    const text =
      report.status === "passed"
        ? "All tests pass: there is nothing to repair."
        : `No test fails, and the tests ended as '${report.status}'.`;
    return summary(text, { data: { status: report.status, suspects: [] } });
  }
  if (!payload.repair || suspects.length === 0) return unrepaired(diagnosis, suspects, undefined);
  const found = await lookForRepair(host, bench, diagnosis, payload);
  const refined = refine(suspects, found.partial, found.repair ?? []);
  const { repair } = found;
  return repair === undefined
    ? unrepaired(diagnosis, refined, found)
    : repaired(host, diagnosis, refined, { ...found, repair });
}

async function lookForRepair(
  host: AgentHost,
  bench: Workbench,
  diagnosis: Diagnosis,
  payload: DebugPayload,
): Promise<SearchResult> {
  const { report, failing, passing, others, failures, sources, hashes } = diagnosis;
  const { budget } = payload;
  const mutations = await proposeMutations(host, diagnosis, payload);
  const hangs = failures.some(({ kind }) => kind === "timeout");
  const request = { runner: report.runner, failing, passing, hangs, others, sources, hashes, budget };
  const found = await search(host.run, bench, { ...request, changes: mutations });
  if (found.repair !== undefined || host.model === undefined) return found;
  const { run, code, model } = host;
  const { repair, refused } = await askForPatches({ run, code, model }, bench, { ...request, diagnosis });
  return { ...found, refused, ...(repair !== undefined && { ended: "repaired", repair }) };
}

/** A step: changes at the most suspicious lines, best first. */
function proposeMutations(
  { run, code }: AgentHost,
  diagnosis: Diagnosis,
  { lines, budget }: DebugPayload,
): Promise<readonly Mutation[]> {
  const { suspects, sources, hashes, failures } = diagnosis;
  const chosen = suspects.slice(0, lines).map(({ path, line, score }) => ({ path, line, score }));
  const hints = hintsFrom(failures.map(({ message }) => message));
  const favoured = favouredBy(failures.map(({ kind }) => kind));
  const limit = budget.candidates;
  return run.step("changes", { hashes, chosen, hints, favoured, limit }, async (_input, { signal }) => {
    const all: Mutation[] = [];
    for (const path of [...new Set(chosen.map((one) => one.path))]) {
      const own = chosen.filter((one) => one.path === path).map(({ line, score }) => ({ line, score }));
      const request = {
        path,
        text: sources[path] ?? "",
        lines: own,
        hints,
        favoured,
        limit,
        limitPerLine: MAX_PER_LINE,
      };
      all.push(...(await code.call("mutations", request, { signal })));
    }
    return all.sort(compareMutations).slice(0, limit);
  });
}

async function repaired(
  { run }: AgentHost,
  { sources, hashes, failing }: Diagnosis,
  suspects: readonly Suspect[],
  { repair, tried, refused }: SearchResult & { readonly repair: Candidate },
): Promise<AgentOutcome> {
  const diff = await run.step("diff", { hashes, repair }, () => diffOf(repair, sources));
  const where = repair.map(({ path, line }) => `${path}:${line}`).join(" and ");
  const text = `Changing ${where} lets ${countOf(failing.length)} pass that failed, and breaks none; ${tried} changes were tried.`;
  return changes(diff, { artifacts: [shown(suspects), { kind: "text", title: "repair", text }, ...refusals(refused)] });
}

function diffOf(repair: Candidate, sources: Readonly<Record<string, string>>): Diff {
  const paths = [...new Set(repair.map(({ path }) => path))];
  const texts = paths.map((path) => {
    const before = sources[path] ?? "";
    const own = repair.filter((one) => one.path === path);
    return { path, before, after: applyChanges(before, own) };
  });
  return makeDiff(texts);
}

const WHY_NOT: Readonly<Record<SearchResult["ended"], string>> = {
  repaired: "",
  candidates: "the budget of candidates is used up",
  sandboxSeconds: "the budget of sandbox seconds is used up",
  exhausted: "no change that is known to this agent repairs it",
};

function unrepaired(
  { failing, failures }: Diagnosis,
  suspects: readonly Suspect[],
  found: SearchResult | undefined,
): AgentOutcome {
  const first = suspects[0];
  const where =
    first === undefined
      ? "Nothing says where the fault is."
      : `The most suspicious line is ${first.path}:${first.line}.`;
  const why = found === undefined ? "" : ` No repair was found with ${found.tried} changes: ${WHY_NOT[found.ended]}.`;
  const data = {
    failing: failures.slice(0, MAX_SHOWN).map(({ test, kind, message }) => ({ test, kind, message })),
    suspects: suspects.slice(0, MAX_SHOWN).map(({ path, line, score }) => ({ path, line, score })),
    ...(found !== undefined && { tried: found.tried, ended: found.ended }),
    ...(found?.refused !== undefined && { refused: [...found.refused] }),
  };
  return summary(`${countOf(failing.length)} fail${failing.length === 1 ? "s" : ""}. ${where}${why}`, {
    data,
    artifacts: [shown(suspects), ...refusals(found?.refused)],
  });
}

function refusals(refused: readonly string[] = []): readonly Artifact[] {
  return refused.length === 0 ? [] : [{ kind: "text", title: "refused", text: refused.join("\n") }];
}

function shown(suspects: readonly Suspect[]): Artifact {
  const candidates = suspects.slice(0, MAX_SHOWN).map(({ path, line, score, why }) => ({
    id: `${path}:${line}`.slice(0, 200),
    score,
    summary: why.join("; "),
    path,
    line,
  }));
  return { kind: "candidate_list", candidates };
}

function countOf(tests: number): string {
  return tests === 1 ? "1 test" : `${tests} tests`;
}
