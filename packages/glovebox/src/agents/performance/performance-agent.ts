import { GloveboxError } from "../../core/index.ts";
import type { Agent, AgentHost, TaskOf } from "../agent.ts";
import type { Baseline } from "../memory/baselines.ts";
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
import { baselineFor, checkBaseline } from "./stored-baseline.ts";
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

const SAID = {
  slower: "It is slower than the baseline.",
  faster: "It is faster than the baseline.",
  noise: "It takes as long as the baseline, as far as can be told.",
} as const;

type Profile = Extract<Artifact, { kind: "profile" }>;

async function measurePerformance(
  { bench: given, run, model, baselines }: AgentHost,
  { payload }: TaskOf<PerformancePayload>,
): Promise<AgentOutcome> {
  if (given === undefined) throw new GloveboxError("invalid_argument", "the agent performance needs a repository");
  const bench = given.within(run);
  const { repeats = DEFAULT_REPEATS, metric = "cpu", timeoutMs = DEFAULT_TIMEOUT_MS } = payload;
  checkBaseline(payload, { metric, repeats, isKept: baselines !== undefined });
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
  const measurement =
    repeats === 0
      ? undefined
      : await bench.work("times", input, (_input, inside) => measureIn(inside, subject, options), {
          compare: () => null,
        });
  const time = measurement?.now;
  const compared =
    measurement === undefined
      ? undefined
      : await baselineFor(
          { run, ...(baselines !== undefined && { baselines }) },
          bench,
          { payload, subject, metric },
          measurement,
        );
  const comparison = time === undefined || compared === undefined ? undefined : comparisonOf(compared.baseline, time);
  const profile: Profile = {
    kind: "profile",
    tool,
    unit: "per cent of the time, at least",
    hotspots: [...hotspots],
    measured: {
      hotspots: [...measured],
      ...(time !== undefined && { time: { metric, ...spreadOf(time) } }),
      ...(comparison !== undefined && { comparison }),
    },
  };
  const [first] = hotspots;
  const most =
    first === undefined
      ? "None of the repository's functions takes time."
      : `Most time goes to ${first.name} (${first.path}:${first.line}).`;
  const text = comparison === undefined ? most : `${most} ${SAID[comparison.verdict]}`;
  const data = {
    tool,
    hotspots: hotspots.length,
    ...(comparison !== undefined && { verdict: comparison.verdict, baseline: compared?.from }),
  };
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

async function subjectOf(bench: Workbench, { command, runner, only = [] }: PerformancePayload): Promise<Subject> {
  if (command !== undefined) return commandSubject(command);
  if (runner !== undefined) return testSubject(runner, only);
  const detected = await bench.work("runner", {}, (_input, inside) => detectIn(inside, bench.base.include));
  return testSubject(detected.runner, only);
}

function spreadOf({ median, mad, count }: Spread) {
  return { medianMs: median, madMs: mad, repeats: count };
}

function comparisonOf({ medianMs, madMs, repeats }: Baseline, time: Spread) {
  return { baseline: { medianMs, madMs, repeats }, ...compare({ median: medianMs, mad: madMs }, time) };
}
