import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { formatFor, printJson, printRecord } from "../render/print.ts";
import { bytesText, durationText } from "../render/units.ts";
import { flagsOf } from "./options.ts";

export function addSummary(program: Command): void {
  program
    .command("summary")
    .description("Sessions and executions by status, and memory")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).summary();
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      const { sessions, executions, memory } = found;
      printRecord(
        [
          ["version", found.version],
          ["up", durationText(found.uptimeMs)],
          ["tenant", found.tenantId],
          ["sessions", `${sessions.total}, ${sessions.live} live${countsText(sessions.byStatus)}`],
          [
            "executions",
            `${executions.running} running, ${executions.queued} queued${countsText(executions.byStatus)}`,
          ],
          ["memory", bytesText(memory.rssBytes)],
          ["host memory", `${bytesText(memory.hostFreeBytes)} free of ${bytesText(memory.hostTotalBytes)}`],
        ],
        format,
      );
    });
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([status, count]) => `${count} ${status}`);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}
