import type { ProgramInfo, RunFilter, RunInfo } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../../connect.ts";
import { formatFor, printJson, printTable } from "../../render/print.ts";
import { withSpinner } from "../../render/progress.ts";
import { errorText, statusText } from "../../render/run.ts";
import { agoText, durationText } from "../../render/units.ts";
import { flagsOf, list } from "../options.ts";
import { addPaging, type PagingFlags, printPages } from "../paging.ts";
import { addChange } from "./change.ts";
import { addJournalFile } from "./journal-file.ts";
import { addLook } from "./look.ts";
import { showOutcome } from "./outcome.ts";
import { addStart } from "./start.ts";

export function addRuns(program: Command): void {
  const runs = program
    .command("runs")
    .description("Durable runs: programs that survive the server, with a journal of all that they were answered");
  addPrograms(runs);
  addStart(runs);
  addList(runs);
  addLook(runs);
  addResult(runs);
  addChange(runs);
  addJournalFile(runs);
}

function addPrograms(runs: Command): void {
  runs
    .command("programs")
    .description("List the programs that can be started; their schemas are in --json")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).programs.list();
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      await printTable<ProgramInfo>(
        found.items,
        [
          { title: "NAME", value: ({ name }) => name },
          { title: "VERSION", value: ({ version }) => version },
          { title: "DESCRIPTION", value: ({ description }) => description ?? "" },
        ],
        { format, empty: "no programs: name their modules in `runs.programs` of glovebox.yaml" },
      );
    });
}

function addList(runs: Command): void {
  addPaging(runs.command("list").description("List runs, newest first"))
    .option("--status <status>", "queued, running, waiting, completed, failed, cancelled", list)
    .option("--program <name>", "only runs of this program")
    .option("--parent <run>", "only runs that this one started")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<PagingFlags & { status?: RunFilter["status"]; program?: string; parent?: string }>(command);
      const { status, program, parent: parentId } = flags;
      const box = await openClient(flags);
      await printPages<RunInfo>(flags, (page) => box.runs.list({ ...page, status, program, parentId }), {
        format: formatFor(flags),
        empty: "no runs",
        columns: [
          { title: "ID", value: ({ id }) => id },
          { title: "PROGRAM", value: (run) => `${run.program} ${run.version}` },
          { title: "STATUS", value: statusText },
          { title: "CREATED", value: ({ createdAt }) => agoText(createdAt) },
          { title: "TOOK", value: tookText },
          { title: "WHY", value: ({ error }) => (error === undefined ? "" : errorText(error).slice(0, 60)) },
        ],
      });
    });
}

function tookText({ createdAt, endedAt }: RunInfo): string {
  return endedAt === undefined ? "" : durationText(Date.parse(endedAt) - Date.parse(createdAt));
}

function addResult(runs: Command): void {
  runs
    .command("result <run>")
    .description("Print what a run came to: its output as JSON; a failed run's error, with its exit code")
    .option("--wait", "wait for its end; Ctrl-C only ends the waiting")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ wait?: boolean }>(command);
      const box = await openClient(flags);
      const read = () => (flags.wait === true ? box.runs.wait(id) : box.runs.result(id));
      showOutcome(await withSpinner(`run ${id}`, read), formatFor(flags));
    });
}
