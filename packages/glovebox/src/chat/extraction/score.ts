import type { BlockIntent, Reason } from "./types.ts";
import { BIAS, SIGNS, type Sign } from "./weights.ts";

/** The confidence in what was seen, 0 to 1 with three decimals, and the reasons, those that weigh most first. */
export function scoreOf(seen: ReadonlySet<Sign>): { readonly confidence: number; readonly reasons: readonly Reason[] } {
  const reasons = [...seen].map((code): Reason => ({ code, weight: SIGNS[code][0], message: SIGNS[code][1] }));
  const logOdds = reasons.reduce((sum, { weight }) => sum + weight, BIAS);
  reasons.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  return { confidence: Math.round(1000 / (1 + Math.exp(-logOdds))) / 1000, reasons };
}

const SHOW: readonly Sign[] = [
  "words.notRun",
  "words.sketch",
  "words.output",
  "words.wrong",
  "after.notRun",
  "request.notRun",
  "message.notRun",
  "tagNotRun",
  "diff",
  "inReasoning",
];
const RUN: readonly Sign[] = ["words.run", "request.run"];

/** What the words around a block want; where they want both, nothing is clear. */
export function intentOf(seen: ReadonlySet<Sign>): BlockIntent {
  const show = SHOW.some((sign) => seen.has(sign));
  const run = RUN.some((sign) => seen.has(sign));
  if (show === run) return "unclear";
  return show ? "show" : "run";
}
