import { GloveboxError } from "../../core/index.ts";
import type { AgentHost } from "../agent.ts";
import type { Baseline, BaselineKey } from "../memory/baselines.ts";
import type { RepositoryBench } from "../workbench/repository-bench.ts";
import type { Workbench } from "../workbench/workbench.ts";
import type { Measurement } from "./measure.ts";
import type { PerformancePayload } from "./payload.ts";
import type { Subject } from "./subject.ts";

const MAX_NAME = 200;
const MAX_TARGET = 1_000;

/** What a measurement is compared with, and where that is from. */
export interface Compared {
  readonly baseline: Baseline;
  readonly from: "task" | "kept";
}

interface Request {
  readonly payload: PerformancePayload;
  readonly subject: Subject;
  readonly metric: "cpu" | "wall";
}

/**
 * The baseline of the task, else the one that was kept for this repository, target and machine; keeps the new one where that is asked for. Errors: `unavailable` where
 * nothing is kept, `invalid_argument` for a repository without a name.
 */
export async function baselineFor(
  { baselines, run }: Pick<AgentHost, "baselines" | "run">,
  bench: Workbench,
  { payload, subject, metric }: Request,
  { now, machine }: Measurement,
): Promise<Compared | undefined> {
  const { baseline: given, keepBaseline = false } = payload;
  const named: Compared | undefined = given === undefined ? undefined : { baseline: given, from: "task" };
  if (baselines === undefined || (named !== undefined && !keepBaseline)) return named;
  const repository =
    payload.repository ?? (await bench.work("repository name", {}, (_input, inside) => nameIn(inside)));
  if (repository === null) {
    if (keepBaseline) throw nameless();
    return named;
  }
  const key: BaselineKey = { repository, target: targetOf(subject), machine, metric };
  const known = named === undefined ? await baselines.recall(run, key) : undefined;
  if (keepBaseline) await baselines.keep(run, key, { medianMs: now.median, madMs: now.mad, repeats: now.count });
  return named ?? (known === undefined ? undefined : { baseline: known, from: "kept" });
}

/** What cannot be compared or kept is refused before anything is run. */
export function checkBaseline(
  { baseline, keepBaseline = false }: PerformancePayload,
  { metric, repeats, isKept }: { readonly metric: string; readonly repeats: number; readonly isKept: boolean },
): void {
  if (baseline !== undefined && baseline.metric !== metric)
    throw invalid(`the baseline is of ${baseline.metric} time, and this measures ${metric} time`);
  if (repeats === 0 && (baseline !== undefined || keepBaseline))
    throw invalid("a baseline is compared with what is measured, and repeats are 0");
  if (keepBaseline && !isKept)
    throw new GloveboxError("unavailable", "nothing keeps baselines here", { details: { retryable: false } });
}

function targetOf(subject: Subject): string {
  const words =
    subject.kind === "command"
      ? [subject.language, ...subject.argv]
      : [`tests of ${subject.runner}`, ...(subject.only.length === 0 ? ["all"] : [...subject.only].sort())];
  return words.join(" ").slice(0, MAX_TARGET);
}

/** As the repository's manifest has it. */
async function nameIn(inside: RepositoryBench): Promise<string | null> {
  const manifest = await inside.readFileIfAny("package.json");
  const project = await inside.readFileIfAny("pyproject.toml");
  const said =
    nameOfPackage(manifest ?? "") ?? /^\[project\][^[]*?^name\s*=\s*["']([^"'\n]+)["']/ms.exec(project ?? "")?.[1];
  const name = said?.trim().slice(0, MAX_NAME);
  return name === undefined || name === "" ? null : name;
}

function nameOfPackage(text: string): string | undefined {
  try {
    const { name } = JSON.parse(text) as { readonly name?: unknown };
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}

function nameless(): GloveboxError {
  return new GloveboxError("invalid_argument", "nothing says the repository's name: `repository` does", {
    details: { path: "repository" },
  });
}

function invalid(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { path: "baseline" } });
}
