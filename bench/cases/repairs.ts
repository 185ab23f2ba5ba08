import type { Case } from "../harness.ts";
import { FAULT_KINDS, readPrograms } from "../repairs/read-programs.ts";
import { type RepairResult, repairPrograms } from "../repairs/repair-programs.ts";

/** Asked of all programs together. */
const TOP_FIVE = { better: "higher", p50: 80 } as const;
const REPAIRED = { better: "higher", p50: 40 } as const;

let done: Promise<readonly RepairResult[]> | undefined;

/** Repaired once for all cases; what came of each program goes to stderr, so that the figures can be looked into. */
function results(): Promise<readonly RepairResult[]> {
  done ??= repairPrograms(readPrograms(), (one) => process.stderr.write(`${lineOf(one)}\n`));
  return done;
}

function lineOf({ program, rankByCoverage, rank, verdict, tried, ms }: RepairResult): string {
  const what = `${program.language} ${program.name} (${program.kind})`;
  const found = `ranked ${rankByCoverage ?? "-"}, after the search ${rank ?? "-"}`;
  return `  ${what}: ${found}; ${verdict}${tried === undefined ? "" : ` after ${tried} changes`}, ${(ms / 1_000).toFixed(1)} s`;
}

type Judge = (result: RepairResult) => boolean;

const inTop =
  (places: number, key: "rankByCoverage" | "rank" = "rankByCoverage"): Judge =>
  (result) =>
    (result[key] ?? Number.POSITIVE_INFINITY) <= places;
const isRepaired: Judge = ({ verdict }) => verdict === "repaired";
const everything: Judge = () => true;

/** The share of programs, percent, of which something is so. */
function share(
  name: string,
  judge: Judge,
  { of = everything, target }: { of?: Judge; target?: Case["target"] } = {},
): Case {
  return {
    name: `repairs.${name}`,
    unit: "%",
    ...(target !== undefined && { target }),
    run: async () => {
      const chosen = (await results()).filter(of);
      return { samples: [(chosen.filter(judge).length / chosen.length) * 100] };
    },
  };
}

const seconds: Case = {
  name: "repairs.time_each",
  unit: "ms",
  run: async () => ({ samples: (await results()).map(({ ms }) => ms) }),
};

const byLanguage = (["python", "typescript"] as const).flatMap((language) => {
  const of: Judge = ({ program }) => program.language === language;
  return [share(`top_5.${language}`, inTop(5), { of }), share(`repaired.${language}`, isRepaired, { of })];
});

const byKind = FAULT_KINDS.flatMap((kind) => {
  const of: Judge = ({ program }) => program.kind === kind;
  return [share(`top_5.${kind}`, inTop(5), { of }), share(`repaired.${kind}`, isRepaired, { of })];
});

/** Where the faulty line is among the suspects by coverage and failures alone, before any change was tried; and what is repaired without a model. */
export const REPAIR_CASES: readonly Case[] = [
  share("top_1", inTop(1)),
  share("top_3", inTop(3)),
  share("top_5", inTop(5), { target: TOP_FIVE }),
  share("top_1_after_search", inTop(1, "rank")),
  share("top_5_after_search", inTop(5, "rank")),
  share("repaired", isRepaired, { target: REPAIRED }),
  share("overfitted", ({ verdict }) => verdict === "overfitted"),
  ...byLanguage,
  ...byKind,
  seconds,
];
