import type { AssistantInfo } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { type Format, formatFor, printJson, printRecord, printTable } from "../render/print.ts";
import { flagsOf } from "./options.ts";

export function addAssistants(program: Command): void {
  const assistants = program
    .command("assistants")
    .alias("assistant")
    .description("Assistants: which model answers in a chat, and what may run");
  assistants
    .command("list")
    .description("List the assistants")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      await printAll((await (await openClient(flags)).assistants.list()).items, formatFor(flags));
    });
  assistants
    .command("show <name>")
    .description("Show an assistant")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).assistants.get(name);
      const format = formatFor(flags);
      if (format === "json") printJson(found);
      else printAssistant(found, format);
    });
  assistants
    .command("reload")
    .description("Read the assistants' files again; when one of them is wrong, nothing changes")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      await printAll((await (await openClient(flags)).assistants.reload()).items, formatFor(flags));
    });
}

async function printAll(items: readonly AssistantInfo[], format: Format): Promise<void> {
  if (format === "json") return printJson({ items });
  await printTable(
    items,
    [
      { title: "NAME", value: ({ name }) => name },
      { title: "MODEL", value: modelText },
      { title: "RUNS CODE", value: runsText },
      { title: "DESCRIPTION", value: ({ description }) => description ?? "" },
    ],
    { format, empty: "no assistants: name their folder in `chat.assistants` of glovebox.yaml" },
  );
}

function modelText({ model: { provider, name } }: AssistantInfo): string {
  return `${provider} ${name}`;
}

function runsText({ execution: { enabled, mode, template } }: AssistantInfo): string {
  return enabled ? `${mode}, in ${template}` : "no";
}

function printAssistant(found: AssistantInfo, format: "human" | "plain"): void {
  const { name, description, model, systemPrompt, execution, hooks, budget } = found;
  printRecord(
    [
      ["name", name],
      ["description", description],
      ["model", modelText(found)],
      ["other models", model.allow.join(", ")],
      ["temperature", model.temperature],
      ["runs code", runsText(found)],
      ["languages", execution.allowedLanguages?.join(", ")],
      ["runs by itself from", execution.autoExecuteThreshold],
      ["asks from", execution.askThreshold],
      ["snapshots", execution.snapshots.auto],
      ["hooks", hooks.map(({ kind, name: hook }) => hook ?? kind).join(", ")],
      [
        "budget",
        Object.entries(budget)
          .map(([what, limit]) => `${what} ${limit}`)
          .join(", "),
      ],
      ["prompt", systemPrompt],
    ],
    format,
  );
}
