import type { RetentionPolicy } from "@glovebox/sdk";
import { type Command, InvalidArgumentError } from "commander";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { formatFor, printJson, printRecord } from "../render/print.ts";
import { confirmLoss } from "./confirm.ts";
import { flagsOf } from "./options.ts";

export function addRetention(program: Command): void {
  const retention = program.command("retention").description("How long data is kept");
  retention
    .command("get")
    .description("How many days each kind of data is kept")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      show(flags, await (await openClient(flags)).retention.get());
    });
  retention
    .command("set")
    .description("Change how many days each kind of data is kept")
    .option("--events <days>", "`forever`, or days", days)
    .option("--executions <days>", "`forever`, or days", days)
    .option("--closed-sessions <days>", "`forever`, or days", days)
    .option("--runs <days>", "`forever`, or days", days)
    .action(async (_options, command: Command) => {
      const flags = flagsOf<{ events?: Days; executions?: Days; closedSessions?: Days; runs?: Days }>(command);
      const { events, executions, closedSessions, runs } = flags;
      if ([events, executions, closedSessions, runs].every((given) => given === undefined)) {
        throw new UsageError("nothing to set", "--events, --executions, --closed-sessions, --runs");
      }
      const box = await openClient(flags);
      const now = await box.retention.get();
      const policy: RetentionPolicy = {
        events: chosen(events, now.events),
        executions: chosen(executions, now.executions),
        closedSessions: chosen(closedSessions, now.closedSessions),
        runs: chosen(runs, now.runs),
      };
      show(flags, await box.retention.set(policy));
    });
  retention
    .command("sweep")
    .description("Remove what is past its retention now")
    .option("--dry-run", "only count it")
    .option("-y, --yes", "do not ask")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<{ dryRun?: boolean; yes?: boolean }>(command);
      const dryRun = flags.dryRun === true;
      if (!dryRun) await confirmLoss("Removing old data", flags.yes);
      const report = await (await openClient(flags)).retention.sweep({ dryRun });
      const format = formatFor(flags);
      if (format === "json") return printJson(report);
      printRecord(
        [
          ["events", report.events],
          ["executions", report.executions],
          ["closed sessions", report.closedSessions],
          ["runs", report.runs],
        ],
        format,
      );
    });
}

type Days = number | "forever";

function days(text: string): Days {
  if (text === "forever") return text;
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 36_500) return value;
  throw new InvalidArgumentError("it must be a number of days, or `forever`.");
}

function chosen(asked: Days | undefined, now: number | null): number | null {
  if (asked === undefined) return now;
  return asked === "forever" ? null : asked;
}

function show(flags: { readonly json?: boolean | undefined }, policy: RetentionPolicy): void {
  const format = formatFor(flags);
  if (format === "json") {
    printJson(policy);
    return;
  }
  const text = (value: number | null) => (value === null ? "for ever" : `${value} days`);
  printRecord(
    [
      ["events", text(policy.events)],
      ["executions", text(policy.executions)],
      ["closed sessions", text(policy.closedSessions)],
      ["runs", text(policy.runs)],
    ],
    format,
  );
}
