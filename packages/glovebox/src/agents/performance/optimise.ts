import { z } from "zod";
import type { ProgramContext } from "../../engine/index.ts";
import { askModel } from "../../runs/index.ts";
import type { AgentModel } from "../agent.ts";
import { isTestFile } from "../debug/test-files.ts";
import type { Diff } from "../messages/diff.ts";
import { runTestsIn } from "../test-exec/run-tests.ts";
import type { TestReport } from "../test-exec/test-report.ts";
import { splitLines } from "../workbench/apply-hunks.ts";
import { makeDiff } from "../workbench/make-diff.ts";
import type { Workbench } from "../workbench/workbench.ts";
import type { Hotspot } from "./hotspots.ts";
import { type Measurement, type MeasureOptions, measureIn } from "./measure.ts";
import { compare } from "./statistics.ts";
import type { Subject } from "./subject.ts";

const MAX_TOKENS = 4_000;
/** Of the prompt: hotspots, and lines around the one that is to be faster. */
const SHOWN = { hotspots: 10, before: 10, after: 150 } as const;

const Answer = z.object({
  /** Lines of the shown file, from 1, both included. */
  from: z.number().int().min(1),
  to: z.number().int().min(1),
  text: z.string().max(50_000),
  reason: z.string().max(2_000),
});
const OUTPUT = z.toJSONSchema(Answer) as Readonly<Record<string, unknown>>;

const SYSTEM = `You make programs faster without changing what they do. You are shown a profile and a file with line numbers. Answer with JSON alone:
{"from":1,"to":1,"text":"...","reason":"..."}: the lines from..to of the file are replaced by text. Keep the indentation and everything that others use. One change.`;

export interface Optimisation {
  readonly diff: Diff;
  readonly reason: string;
}

/** Why a proposal was not kept, or the proposal. */
export type Judged = { readonly kept: Optimisation } | { readonly refused: string };

interface Request extends Omit<MeasureOptions, "changed"> {
  readonly subject: Subject;
  readonly hotspots: readonly Hotspot[];
}

/** Asks a model for one optimisation, which is kept when all tests give what they gave and it is faster by more than chance. */
export async function optimise(
  run: ProgramContext,
  model: AgentModel,
  bench: Workbench,
  request: Request,
): Promise<Judged> {
  const spot = request.hotspots.find(({ path }) => !isTestFile(path, new Set()));
  if (spot === undefined) return { refused: "nothing but tests takes time" };
  const before = (await bench.read("slow file", [spot.path]))[spot.path] ?? "";
  const answer = await askModel(run, "ask", model.provider, {
    model: model.model,
    system: SYSTEM,
    messages: [{ role: "user", text: promptOf(request.hotspots, spot, before) }],
    temperature: 0,
    seed: model.seed,
    maxTokens: MAX_TOKENS,
    output: OUTPUT,
  });
  const proposed = readAnswer(answer.text);
  const after = proposed === undefined ? undefined : replaced(before, proposed);
  if (proposed === undefined || after === undefined) return { refused: "the model's answer is no change of the file" };
  if (after === before) return { refused: "the model proposed nothing new" };
  const changed = { [spot.path]: after };
  const worse = await bench.work("tests of the optimisation", { changed }, async (_input, inside) => {
    const { include, timeoutMs } = request;
    const old = await runTestsIn(inside, { include, timeoutMs });
    return otherwise(old, await runTestsIn(inside, { include, timeoutMs, runner: old.runner, overlay: changed }));
  });
  if (worse !== null) return { refused: worse };
  const times = await bench.work(
    "time of the optimisation",
    { changed },
    (_input, inside): Promise<Measurement> => measureIn(inside, request.subject, { ...request, changed }),
  );
  const { now, changed: then = now } = times;
  const { verdict } = compare(now, then);
  if (verdict === "slower") return { refused: "it is slower" };
  // Of few measurements the scatter is little known: the best one has to be better as well.
  if (verdict === "noise" || then.min >= now.min) return { refused: "it is not faster by more than chance" };
  return { kept: { diff: makeDiff([{ path: spot.path, before, after }]), reason: proposed.reason } };
}

function promptOf(hotspots: readonly Hotspot[], spot: Hotspot, text: string): string {
  const ranked = hotspots
    .slice(0, SHOWN.hotspots)
    .map(({ name, path, line, self }) => `${self}% ${name} (${path}:${line})`);
  const from = Math.max(1, spot.line - SHOWN.before);
  const shown = splitLines(text).slice(from - 1, spot.line + SHOWN.after);
  const numbered = shown.map((line, index) => `${from + index}: ${line.replace(/\n$/, "")}`);
  return [`Profile (share of the time, at least):`, ...ranked, "", `${spot.path}:`, ...numbered].join("\n");
}

function readAnswer(text: string): z.infer<typeof Answer> | undefined {
  try {
    return Answer.safeParse(JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1))).data;
  } catch {
    return undefined;
  }
}

/** `undefined` when the file has no such lines. */
function replaced(text: string, { from, to, text: fresh }: z.infer<typeof Answer>): string | undefined {
  const lines = splitLines(text);
  if (to < from || to > lines.length) return undefined;
  const ended = fresh === "" || fresh.endsWith("\n") ? fresh : `${fresh}\n`;
  return [...lines.slice(0, from - 1), ended, ...lines.slice(to)].join("");
}

/** What the change breaks; `null`: nothing. Without a test that passes nobody can tell. */
function otherwise(before: TestReport, after: TestReport): string | null {
  const passing = before.tests.filter(({ status }) => status === "passed");
  if (passing.length === 0) return "no test passes that could judge it";
  const now = new Map(after.tests.map(({ id, status }) => [id, status]));
  const broken = passing.find(({ id }) => now.get(id) !== "passed");
  return broken === undefined ? null : `it breaks ${broken.id}`;
}
