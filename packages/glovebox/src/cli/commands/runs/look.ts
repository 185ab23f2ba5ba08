import type { RunGraph } from "@glovebox/sdk";
import { type Command, Option } from "commander";
import { openClient } from "../../connect.ts";
import { coloursFor } from "../../render/colours.ts";
import { formatFor, jsonText, printJson, printRecord, printTable } from "../../render/print.ts";
import { recordLine } from "../../render/record-lines.ts";
import { runLines } from "../../render/run.ts";
import { dotLines, mermaidLines } from "../../render/run-diagram.ts";
import { budgetLine, treeLines } from "../../render/run-tree.ts";
import { flagsOf, integer } from "../options.ts";

export function addLook(runs: Command): void {
  addShow(runs);
  addJournal(runs);
  addGraph(runs);
  addBudget(runs);
}

function addShow(runs: Command): void {
  runs
    .command("show <run>")
    .description("Show a run and its steps; on a terminal live until it has ended (Ctrl-C only ends the looking)")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const box = await openClient(flags);
      const format = formatFor(flags);
      if (format === "human" && process.env.TERM !== "dumb") {
        const { watchRun } = await import("./watch.ts");
        return watchRun(box, id);
      }
      const [run, graph, { limits, used }] = [
        await box.runs.get(id),
        await box.runs.graph(id),
        await box.runs.budget(id),
      ];
      if (format === "json") return printJson({ run, graph, budget: { limits, used } });
      write(runLines({ run, graph, used }, { colours: coloursFor(process.stdout), nowMs: Date.now() }));
    });
}

function addJournal(runs: Command): void {
  runs
    .command("journal <run>")
    .description("Show a run's journal: everything that its program was answered")
    .option("-f, --follow", "and what comes, until the run has ended")
    .option("--after <seq>", "only records after this one", integer(0))
    .option("--limit <n>", "records of one page (default 1000)", integer(1, 10_000))
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ follow?: boolean; after?: number; limit?: number }>(command);
      const { runs } = await openClient(flags);
      const colours = coloursFor(process.stdout);
      if (flags.follow === true) {
        for await (const record of runs.follow(id, { afterSeq: flags.after })) {
          write([flags.json === true ? jsonText(record) : recordLine(record, colours)]);
        }
        return;
      }
      const page = await runs.journal(id, { afterSeq: flags.after, limit: flags.limit });
      if (flags.json === true) return printJson(page);
      write(page.items.map((record) => recordLine(record, colours)));
    });
}

type GraphFormat = "tree" | "mermaid" | "dot" | "json";

function addGraph(runs: Command): void {
  runs
    .command("graph <run>")
    .description("Show what a run has done and does, as a graph")
    .addOption(new Option("--format <format>", "how").choices(["tree", "mermaid", "dot", "json"]).default("tree"))
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ format: GraphFormat }>(command);
      const graph = await (await openClient(flags)).runs.graph(id);
      const format = flags.json === true ? "json" : flags.format;
      if (format === "json") return printJson(graph);
      write(graphLines(graph, format));
    });
}

function graphLines(graph: RunGraph, format: Exclude<GraphFormat, "json">): string[] {
  if (format === "mermaid") return mermaidLines(graph);
  if (format === "dot") return dotLines(graph);
  return treeLines(graph, { colours: coloursFor(process.stdout), nowMs: Date.now() });
}

function addBudget(runs: Command): void {
  runs
    .command("budget <run>")
    .description("Show what a run may use, what it used, and when")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const report = await (await openClient(flags)).runs.budget(id);
      const format = formatFor(flags);
      if (format === "json") return printJson(report);
      const { limits, used, history, exceeded } = report;
      const over = exceeded && `${exceeded.what} ${exceeded.used} of ${exceeded.limit}, of the ${exceeded.of}`;
      printRecord(
        [
          ["used", budgetLine(limits, used) || "nothing, without limits"],
          ["exceeded", over],
        ],
        format,
      );
      if (history.length === 0) return;
      await printTable(
        history,
        [
          { title: "SEQ", value: ({ seq }) => String(seq) },
          { title: "TIME", value: ({ atMs }) => new Date(atMs).toISOString() },
          { title: "STEP", value: ({ step }) => step ?? "" },
          { title: "USED BY THEN", value: (point) => budgetLine(undefined, point.used) },
        ],
        { format, empty: "" },
      );
    });
}

function write(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
}
