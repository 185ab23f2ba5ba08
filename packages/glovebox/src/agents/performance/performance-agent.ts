import { GloveboxError } from "../../core/index.ts";
import type { Agent, AgentHost, TaskOf } from "../agent.ts";
import type { Artifact } from "../messages/artifact.ts";
import { changes, summary } from "../messages/make-message.ts";
import type { AgentOutcome } from "../messages/result.ts";
import { detectIn } from "../test-exec/run-tests.ts";
import type { Workbench } from "../workbench/workbench.ts";
import { rankHotspots } from "./hotspots.ts";
import { measureIn } from "./measure.ts";
import { optimise } from "./optimise.ts";
import { PerformancePayload } from "./payload.ts";
import { profileIn } from "./profile.ts";
import { compare, type Spread } from "./statistics.ts";
import { commandSubject, type Subject, testSubject } from "./subject.ts";

const DEFAULT_REPEATS = 5;
const DEFAULT_TIMEOUT_MS = 300_000;

/** Finds where the time goes, and whether a change made a difference. */
export const performanceAgent: Agent<PerformancePayload> = {
  name: "performance",
  capabilities: ["performance"],
  description: "Profiles a program or the tests, ranks what takes the time, and compares with a baseline beyond chance",
  payload: PerformancePayload,
  work: measurePerformance,
};

type Profile = Extract<Artifact, { kind: "profile" }>;

async function measurePerformance(
  { bench: given, run, model }: AgentHost,
  { payload }: TaskOf<PerformancePayload>,
): Promise<AgentOutcome> {
  if (given === undefined) throw new GloveboxError("invalid_argument", "the agent performance needs a repository");
  const bench = given.within(run);
  const { repeats = DEFAULT_REPEATS, metric = "cpu", timeoutMs = DEFAULT_TIMEOUT_MS, baseline } = payload;
  checkBaseline(payload, metric, repeats);
  const { include } = bench.base;
  const subject = await subjectOf(bench, payload);
  const input = { subject, repeats, metric };
  const { tool, hotspots, measured } = await bench.work(
    "profile",
    input,
    async (_input, inside) => {
      const raw = await profileIn(inside, subject, { include, timeoutMs });
      return { tool: raw.tool, ...rankHotspots(raw) };
    },
    // Not the times, and not the order, which depends on them.
    { compare: ({ tool: used }) => used },
  );
  const options = { include, timeoutMs, repeats, metric };
  const time =
    repeats === 0
      ? undefined
      : (
          await bench.work("times", input, (_input, inside) => measureIn(inside, subject, options), {
            compare: () => null,
          })
        ).now;
  const profile: Profile = {
    kind: "profile",
    tool,
    unit: "per cent of the time, at least",
    hotspots: [...hotspots],
    measured: {
      hotspots: [...measured],
      ...(time !== undefined && { time: { metric, ...spreadOf(time) } }),
      ...(time !== undefined && baseline !== undefined && { comparison: comparisonOf(baseline, time) }),
    },
  };
  const [first] = hotspots;
  const text =
    first === undefined
      ? "None of the repository's functions takes time."
      : `Most time goes to ${first.name} (${first.path}:${first.line}).`;
  const data = { tool, hotspots: hotspots.length };
  if (payload.optimise !== true || model === undefined) return summary(text, { data, artifacts: [profile] });
  const judged = await optimise(run, model, bench, {
    ...options,
    repeats: Math.max(repeats, DEFAULT_REPEATS),
    subject,
    hotspots,
  });
  if ("refused" in judged) {
    const told = `${text} The model's optimisation is not kept: ${judged.refused}.`;
    return summary(told, { data: { ...data, refused: judged.refused }, artifacts: [profile] });
  }
  const { diff, reason } = judged.kept;
  return changes(diff, { artifacts: [profile, { kind: "text", title: "optimisation", text: reason }] });
}

/** A baseline that cannot be compared is refused before anything is run. */
function checkBaseline({ baseline }: PerformancePayload, metric: string, repeats: number): void {
  if (baseline === undefined) return;
  if (baseline.metric !== metric)
    throw invalid(`the baseline is of ${baseline.metric} time, and this measures ${metric} time`);
  if (repeats === 0) throw invalid("a baseline is compared with what is measured, and repeats are 0");
}

async function subjectOf(bench: Workbench, { command, runner, only = [] }: PerformancePayload): Promise<Subject> {
  if (command !== undefined) return commandSubject(command);
  if (runner !== undefined) return testSubject(runner, only);
  const detected = await bench.work("runner", {}, (_input, inside) => detectIn(inside, bench.base.include));
  return testSubject(detected.runner, only);
}

function spreadOf({ median, mad, count }: Spread) {
  return { medianMs: median, madMs: mad, repeats: count };
}

function comparisonOf({ medianMs, madMs, repeats }: NonNullable<PerformancePayload["baseline"]>, time: Spread) {
  return { baseline: { medianMs, madMs, repeats }, ...compare({ median: medianMs, mad: madMs }, time) };
}

function invalid(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { path: "baseline" } });
}
