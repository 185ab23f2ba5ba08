import { z } from "zod";
import type { ProgramContext } from "../../../engine/index.ts";
import type { ModelMessage } from "../../../models/index.ts";
import { askModel } from "../../../runs/index.ts";
import type { AgentModel } from "../../agent.ts";
import type { Workbench } from "../../workbench/workbench.ts";
import type { Diagnosis } from "../diagnose.ts";
import type { SearchRequest } from "./search.ts";
import { basisOf, type Candidate, tryCandidates, verify } from "./trial.ts";

/** Questions at most; the second tells what came of the first. */
const ROUNDS = 2;
const MAX_PATCHES = 3;
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

/** Asks a model for patches at the suspicious lines; what it proposes is judged by the tests as every change is. Undefined when none repairs. */
export async function askForPatches(
  run: ProgramContext,
  model: AgentModel,
  bench: Workbench,
  request: Request,
): Promise<Candidate | undefined> {
  const messages: ModelMessage[] = [{ role: "user", text: promptOf(request.diagnosis) }];
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
    const candidates = candidatesOf(answer.text, request.sources);
    const judged =
      candidates.length === 0
        ? "There was no patch that could be read."
        : await judge(bench, round, candidates, request);
    if (typeof judged !== "string") return judged;
    messages.push({ role: "assistant", text: answer.text }, { role: "user", text: `${judged} Propose others.` });
  }
  return undefined;
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

/** What can be read of an answer: patches of files that may be changed, on lines that exist. */
function candidatesOf(text: string, sources: Readonly<Record<string, string>>): readonly Candidate[] {
  const from = text.indexOf("{");
  const read = Answer.safeParse(jsonOf(text.slice(Math.max(from, 0), text.lastIndexOf("}") + 1)));
  if (!read.success) return [];
  return read.data.patches.slice(0, MAX_PATCHES).flatMap((patch): Candidate[] => {
    const source = Object.hasOwn(sources, patch.path) ? sources[patch.path] : undefined;
    const span = source === undefined ? undefined : spanOf(source, patch.from, patch.to);
    if (span === undefined) return [];
    const ended = patch.text === "" || patch.text.endsWith("\n") ? patch.text : `${patch.text}\n`;
    return [[{ path: patch.path, line: patch.from, ...span, text: ended, score: 1 }]];
  });
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
