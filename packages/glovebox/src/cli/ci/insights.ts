import type { CiInsights, CiStepForecast } from "@glovebox/sdk";
import type { Command } from "commander";
import { flagsOf } from "../commands/options.ts";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { coloursFor } from "../render/colours.ts";
import { formatFor, printJson, printTable } from "../render/print.ts";
import { printableLine } from "../render/printable.ts";
import { durationText } from "../render/units.ts";
import { checkoutRoot } from "./checkout.ts";
import { factsOf } from "./pack-checkout.ts";

interface InsightFlags {
  readonly repo?: string;
  readonly workflow?: string;
}

export function addInsights(ci: Command): void {
  ci.command("insights")
    .description("What was learnt from a repository's runs: lessons, suggestions, and what steps are expected to take")
    .option("--repo <owner/name>", "default: the origin of this checkout")
    .option("--workflow <path>", "only of this workflow file")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<InsightFlags>(command);
      const repository = flags.repo ?? (await factsOf(checkoutRoot("."))).repository;
      if (repository === undefined) throw new UsageError("which repository?", "name one with --repo owner/name");
      const insights = await (await openClient(flags)).ci.insights(repository, { workflow: flags.workflow });
      const format = formatFor(flags);
      if (format === "json") return printJson(insights);
      printSuggestions(insights);
      await printTable(insights.steps, STEP_COLUMNS, { format, empty: "no finished runs to learn from" });
    });
}

/** Lessons are among the suggestions, with their example. */
function printSuggestions({ suggestions }: CiInsights): void {
  const colours = coloursFor(process.stdout);
  for (const { kind, message, confidence } of suggestions) {
    process.stdout.write(`${colours.yellow(kind)}\t${confidence.toFixed(2)}\t${printableLine(message, 500)}\n`);
  }
}

const STEP_COLUMNS = [
  { title: "JOB", value: ({ job }: CiStepForecast) => job },
  { title: "STEP", value: ({ step }: CiStepForecast) => step },
  { title: "RUNS", value: ({ runs }: CiStepForecast) => String(runs) },
  { title: "SUCCEEDS", value: ({ successProbability }: CiStepForecast) => `${Math.round(successProbability * 100)}%` },
  {
    title: "TAKES",
    value: ({ durationMs }: CiStepForecast) => (durationMs === undefined ? "-" : durationText(durationMs)),
  },
  {
    title: "OFF BY",
    value: ({ error }: CiStepForecast) =>
      error === undefined ? "-" : `${Math.round(error.duration * 100)}% (Brier ${error.success.toFixed(2)})`,
  },
];
