import type { ChatMessage, Conversation, ExecutionInfo, WholeConversation } from "@glovebox/sdk";
import { type Command, Option } from "commander";
import { openClient } from "../connect.ts";
import { coloursFor } from "../render/colours.ts";
import { formatFor, printJson, printRecord } from "../render/print.ts";
import { printable } from "../render/printable.ts";
import { agoText, durationText } from "../render/units.ts";
import { confirmLoss } from "./confirm.ts";
import { flagsOf } from "./options.ts";
import { addPaging, type PagingFlags, printPages } from "./paging.ts";

export function addConversations(program: Command): void {
  const conversations = program
    .command("conversations")
    .alias("conversation")
    .description("Chats with assistants, each with its sandbox");
  addList(conversations);
  addShow(conversations);
  addExecutions(conversations);
  addChange(conversations);
}

function addList(conversations: Command): void {
  addPaging(conversations.command("list").description("List conversations, newest first"))
    .option("--assistant <name>", "only those with this assistant")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<PagingFlags & { assistant?: string }>(command);
      const box = await openClient(flags);
      const read = (page: object) => box.conversations.list({ ...page, assistant: flags.assistant });
      await printPages<Conversation>(flags, read, {
        format: formatFor(flags),
        empty: "no conversations: `glovebox chat` begins one",
        columns: [
          { title: "ID", value: ({ id }) => id },
          { title: "ASSISTANT", value: ({ assistant }) => assistant },
          { title: "TURNS", value: ({ turns, currentRunId }) => `${turns}${currentRunId === undefined ? "" : " …"}` },
          { title: "LAST", value: ({ updatedAt }) => agoText(updatedAt) },
          { title: "TITLE", value: ({ title }) => title },
        ],
      });
    });
}

function addShow(conversations: Command): void {
  conversations
    .command("show <conversation>")
    .description("Show a conversation with what was said in it")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).conversations.get(id);
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      printConversation(found, format);
    });
}

function addExecutions(conversations: Command): void {
  addPaging(conversations.command("executions <conversation>").description("List what ran in it, newest first"))
    .option("--lang <language>", "only in this language")
    .addOption(new Option("--outcome <outcome>", "only these").choices(["ok", "failed"]))
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<PagingFlags & { lang?: ExecutionInfo["language"]; outcome?: "ok" | "failed" }>(command);
      const { lang: language, outcome } = flags;
      const box = await openClient(flags);
      await printPages<ExecutionInfo>(
        flags,
        (page) => box.conversations.executions(id, { ...page, language, outcome }),
        {
          format: formatFor(flags),
          empty: "nothing ran",
          columns: [
            { title: "ID", value: (item) => item.id },
            { title: "LANGUAGE", value: (item) => item.language ?? "" },
            { title: "STATUS", value: ({ status }) => status },
            { title: "CREATED", value: ({ createdAt }) => agoText(createdAt) },
            { title: "TOOK", value: ({ metrics }) => durationText(metrics.durationMs) },
          ],
        },
      );
    });
}

function addChange(conversations: Command): void {
  conversations
    .command("fork <conversation>")
    .description("Make another conversation with the same history and a fork of its sandbox; prints its id")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const fork = await (await openClient(flags)).conversations.fork(id);
      if (flags.json === true) printJson(fork);
      else process.stdout.write(`${fork.id}\n`);
    });
  conversations
    .command("delete <conversation>")
    .description("Delete a conversation with its sandbox")
    .option("-y, --yes", "do not ask")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ yes?: boolean }>(command);
      await confirmLoss(`Deleting conversation ${id}`, flags.yes);
      await (await openClient(flags)).conversations.delete(id);
      if (flags.json === true) printJson({ id, deleted: true });
      else process.stdout.write(`${id}\tdeleted\n`);
    });
}

function printConversation(found: WholeConversation, format: "human" | "plain"): void {
  printRecord(
    [
      ["id", found.id],
      ["assistant", found.assistant],
      ["turns", found.turns],
      ["session", found.sessionId],
      ["forked from", found.forkedFrom],
      ["under way", found.currentRunId],
      ["last", agoText(found.updatedAt)],
    ],
    format,
  );
  const colours = coloursFor(process.stdout);
  for (const message of found.messages) {
    process.stdout.write(`\n${colours.bold(message.role)}\n${printable(textOf(message)).trimEnd()}\n`);
  }
}

function textOf(message: ChatMessage): string {
  if (message.role !== "assistant") return message.text;
  const calls = (message.toolCalls ?? []).map(({ name, input }) => `→ ${name} ${JSON.stringify(input)}`);
  return [message.text, ...calls].filter((line) => line !== "").join("\n");
}
