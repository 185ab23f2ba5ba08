import type { Approval, ApprovalStatus } from "@glovebox/sdk";
import { type Command, Option } from "commander";
import { openClient } from "../connect.ts";
import { formatFor, printJson, printRecord } from "../render/print.ts";
import { printable } from "../render/printable.ts";
import { agoText } from "../render/units.ts";
import { flagsOf } from "./options.ts";
import { addPaging, type PagingFlags, printPages } from "./paging.ts";

export function addApprovals(program: Command): void {
  const approvals = program
    .command("approvals")
    .alias("approval")
    .description("Questions to people, for which turns of a chat wait");
  addList(approvals);
  addShow(approvals);
  addDecide(approvals, "approve", "Let it happen: the turn goes on");
  addDecide(approvals, "refuse", "Refuse it: the turn goes on without it");
}

function addList(approvals: Command): void {
  const states = ["pending", "approved", "refused", "expired", "withdrawn"];
  addPaging(approvals.command("list").description("List the questions, newest first"))
    .addOption(new Option("--status <status>", "only these").choices(states))
    .option("-c, --conversation <id>", "only those of this conversation")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<PagingFlags & { status?: ApprovalStatus; conversation?: string }>(command);
      const { status, conversation: conversationId } = flags;
      const box = await openClient(flags);
      await printPages<Approval>(flags, (page) => box.approvals.list({ ...page, status, conversationId }), {
        format: formatFor(flags),
        empty: "no questions",
        columns: [
          { title: "ID", value: ({ id }) => id },
          { title: "STATUS", value: (item) => item.status },
          { title: "ASKED", value: ({ createdAt }) => agoText(createdAt) },
          { title: "LANGUAGE", value: ({ language }) => language ?? "" },
          { title: "PROMPT", value: ({ prompt }) => prompt.slice(0, 100) },
        ],
      });
    });
}

function addShow(approvals: Command): void {
  approvals
    .command("show <approval>")
    .description("Show a question with the code that it is about")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).approvals.get(id);
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      printApproval(found, format);
    });
}

function addDecide(approvals: Command, decision: "approve" | "refuse", description: string): void {
  approvals
    .command(`${decision} <approval>`)
    .description(description)
    .option("--reason <text>", "is kept with the decision")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ reason?: string }>(command);
      const decided = await (await openClient(flags)).approvals.decide(id, decision, { reason: flags.reason });
      if (flags.json === true) printJson(decided);
      else process.stdout.write(`${decided.id}\t${decided.status}\n`);
    });
}

function printApproval(found: Approval, format: "human" | "plain"): void {
  printRecord(
    [
      ["id", found.id],
      ["status", found.status],
      ["prompt", found.prompt],
      ["language", found.language],
      ["conversation", found.conversationId],
      ["run", found.runId],
      ["asked", agoText(found.createdAt)],
      ["until", found.expiresAt],
      ["decided by", found.decidedBy],
      ["reason", found.reason],
    ],
    format,
  );
  if (found.code !== undefined) process.stdout.write(`\n${printable(found.code.trimEnd())}\n`);
}
