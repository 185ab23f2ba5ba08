import { z } from "zod";
import type { ProgramContext } from "../../../engine/index.ts";
import type { ModelMessage } from "../../../models/index.ts";
import { askModel } from "../../../runs/index.ts";
import type { AgentModel } from "../../agent.ts";
import type { CodeThreads } from "../../code/code-threads.ts";
import type { Workbench } from "../../workbench/workbench.ts";
import type { Diagnosis } from "../diagnose.ts";
import { applyChanges } from "../mutations/mutation.ts";
import { isTestFile } from "../test-files.ts";
import type { SearchRequest } from "./search.ts";
import { basisOf, type Candidate, tryCandidates, verify } from "./trial.ts";

/** Questions at most; the second tells what came of the first. */
const ROUNDS = 2;
const MAX_PATCHES = 3;
const MAX_REFUSED = 20;
const MAX_TOKENS = 4_000;
/** Of the prompt: suspects, failures, and lines around a suspect on each side. */
const SHOWN = { suspects: 15, failures: 5, around: 12 } as const;

const Patch = z.object({
  path: z.string().max(1_024),
  /** From 1; both included. An empty text deletes the lines. */
  from: z.number().int().min(1),
  to: z.number().int().min(1),
  text: z.string().max(20_000),
});
const Answer = z.object({ patches: z.array(Patch).max(20) });
const OUTPUT = z.toJSONSchema(Answer) as Readonly<Record<string, unknown>>;

const SYSTEM = `You repair programs. You are shown tests that fail, lines that are suspicious, and code with line numbers. Answer with JSON alone:
{"patches":[{"path":"...","from":1,"to":1,"text":"..."}]}: each patch is one alternative, best first, at most ${MAX_PATCHES}; it replaces the lines from..to of a file by text.
Keep the indentation. Change as little as possible. Tests cannot be changed.`;

type Request = Omit<SearchRequest, "changes"> & { readonly diagnosis: Diagnosis };

export interface ModelRepair {
  /** Absent: no patch repairs. */
  readonly repair?: Candidate;
  /** Why patches were not even tried, one line each. */
  readonly refused: readonly string[];
}

/**
 * Asks a model for patches at the suspicious lines; what it proposes is judged by the tests as every change is. What touches tests, or begins to see that it is tested, is
 * refused before anything of it runs, and the model is told why.
 */
export async function askForPatches(
  { run, model, code }: { readonly run: ProgramContext; readonly model: AgentModel; readonly code: CodeThreads },
  bench: Workbench,
  request: Request,
): Promise<ModelRepair> {
  const messages: ModelMessage[] = [{ role: "user", text: promptOf(request.diagnosis) }];
  const refused: string[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const answer = await askModel(run, `ask ${round}`, model.provider, {
      model: model.model,
      system: SYSTEM,
      messages,
      temperature: 0,
      seed: model.seed,
      maxTokens: MAX_TOKENS,
      output: OUTPUT,
    });
    const read = candidatesOf(answer.text, request);
    const fit = await allowed(run, code, `judge proposals ${round}`, read.candidates, request);
    const against = [...read.refused, ...fit.refused];
    refused.push(...against);
    const judged = fit.candidates.length === 0 ? "" : await judge(bench, round, fit.candidates, request);
    if (typeof judged !== "string") return { repair: judged, refused: distinct(refused) };
    const nothing = judged === "" && against.length === 0 ? "There was no patch that could be read." : "";
    const told = [...against.map((why) => `Refused: ${why}.`), judged, nothing].filter((text) => text !== "").join(" ");
    messages.push({ role: "assistant", text: answer.text }, { role: "user", text: `${told} Propose others.` });
  }
  return { refused: distinct(refused) };
}

function distinct(refused: readonly string[]): readonly string[] {
  return [...new Set(refused)].slice(0, MAX_REFUSED);
}

interface Read {
  readonly candidates: readonly Candidate[];
  readonly refused: readonly string[];
}

/** A step: those that repair code and do nothing else. */
async function allowed(
  run: ProgramContext,
  code: CodeThreads,
  name: string,
  candidates: readonly Candidate[],
  { sources, hashes }: Request,
): Promise<Read> {
  if (candidates.length === 0) return { candidates, refused: [] };
  const against = await run.step(name, { hashes, candidates }, async (_input, { signal }) => {
    const found: (string | null)[] = [];
    for (const candidate of candidates) {
      const paths = [...new Set(candidate.map(({ path }) => path))];
      const before = paths.map((path) => ({ path, text: sources[path] ?? "" }));
      const after = before.map(({ path, text }) => ({
        path,
        text: applyChanges(
          text,
          candidate.filter((one) => one.path === path),
        ),
      }));
      const [first] = await code.call("testsWeakened", { before, after, isRepair: true }, { signal });
      found.push(first?.reason ?? null);
    }
    return found;
  });
  return {
    candidates: candidates.filter((_, at) => against[at] === null),
    refused: against.filter((why) => why !== null),
  };
}

/** The first that repairs, or what came of each, in words. */
async function judge(
  bench: Workbench,
  round: number,
  candidates: readonly Candidate[],
  request: Request,
): Promise<Candidate | string> {
  const { failing } = request;
  const asked = { ...basisOf(request), candidates, timeoutMs: request.budget.sandboxSeconds * 1_000 };
  const outcomes = await tryCandidates(bench, `try proposals ${round}`, asked);
  for (const [at, candidate] of candidates.entries()) {
    const outcome = outcomes[at];
    if (outcome === undefined || outcome.fixed < failing.length || outcome.broken > 0) continue;
    if (await verify(bench, `verify proposal ${round}.${at + 1}`, { ...asked, candidate })) return candidate;
  }
  const said = outcomes.map(
    ({ fixed, broken, how }, at) =>
      `Patch ${at + 1} (${how}) repairs ${fixed} of ${failing.length} failing tests and breaks ${broken}.`,
  );
  return said.join(" ");
}

/** What can be read of an answer: patches of files that may be changed, on lines that exist; and why others are none. */
function candidatesOf(text: string, { sources, diagnosis }: Request): Read {
  const from = text.indexOf("{");
  const read = Answer.safeParse(jsonOf(text.slice(Math.max(from, 0), text.lastIndexOf("}") + 1)));
  if (!read.success) return { candidates: [], refused: [] };
  const tests = new Set(diagnosis.report.tests.flatMap(({ file }) => (file === undefined ? [] : [file])));
  const candidates: Candidate[] = [];
  const refused: string[] = [];
  for (const patch of read.data.patches.slice(0, MAX_PATCHES)) {
    const source = Object.hasOwn(sources, patch.path) ? sources[patch.path] : undefined;
    const shown = patch.path.replace(/\s+/g, " ").slice(0, 200);
    if (source === undefined) {
      const why = isTestFile(patch.path, tests)
        ? "is a test, and no repair changes one"
        : "is none of the suspicious files";
      refused.push(`${shown} ${why}`);
      continue;
    }
    const span = spanOf(source, patch.from, patch.to);
    if (span === undefined) {
      refused.push(`${shown} has no lines ${patch.from} to ${patch.to}`);
      continue;
    }
    const ended = patch.text === "" || patch.text.endsWith("\n") ? patch.text : `${patch.text}\n`;
    candidates.push([{ path: patch.path, line: patch.from, ...span, text: ended, score: 1 }]);
  }
  return { candidates, refused };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function spanOf(source: string, from: number, to: number): { start: number; end: number } | undefined {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  const start = starts[from - 1];
  return start === undefined || to < from ? undefined : { start, end: starts[to] ?? source.length };
}

function promptOf({ failures, suspects, sources }: Diagnosis): string {
  const failed = failures.slice(0, SHOWN.failures).map(({ test, message }) => `- ${test}: ${message}`);
  const lines = suspects.slice(0, SHOWN.suspects);
  const ranked = lines.map(({ path, line, score }) => `- ${path}:${line} (${score})`);
  const code = [...new Set(lines.map(({ path }) => path))].map((path) => {
    const near = new Set(lines.filter((one) => one.path === path).flatMap(({ line }) => around(line)));
    const shown = (sources[path] ?? "")
      .split("\n")
      .flatMap((text, at) => (near.has(at + 1) ? [`${at + 1}: ${text}`] : []));
    return `${path}\n${shown.join("\n")}`;
  });
  return `Failing tests:\n${failed.join("\n")}\n\nSuspicious lines, most suspicious first:\n${ranked.join("\n")}\n\n${code.join("\n\n")}`;
}

function around(line: number): readonly number[] {
  return Array.from({ length: 2 * SHOWN.around + 1 }, (_, at) => line - SHOWN.around + at);
}
