import { readFileSync } from "node:fs";
import { text as readAll } from "node:stream/consumers";
import type { CodeBlock } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { formatFor, printJson, printTable } from "../render/print.ts";
import { flagsOf } from "./options.ts";

export function addExtract(program: Command): void {
  program
    .command("extract <file>")
    .description(
      "Find the code in a model's answer (a file, or - for stdin), and how sure it is that it is meant to run; nothing is run",
    )
    .option("--user", "the text is a user's, not a model's answer")
    .option("--request <text>", "what the user asked, to which the text is the answer")
    .action(async (file: string, _options, command: Command) => {
      const flags = flagsOf<{ user?: true; request?: string }>(command);
      const text = await textOf(file);
      const from = flags.user === true ? "user" : "answer";
      const extraction = await (await openClient(flags)).extract(text, { from, request: flags.request });
      const format = formatFor(flags);
      if (format === "json") return printJson(extraction);
      await printTable(
        extraction.blocks,
        [
          { title: "LANGUAGE", value: ({ language, tag }) => language ?? tag ?? "-" },
          { title: "CONFIDENCE", value: ({ confidence }) => confidence.toFixed(2) },
          { title: "LINES", value: ({ start, end }) => linesOf(text, start, end) },
          { title: "CODE", value: firstLine },
          { title: "WHY", value: whyOf },
        ],
        { format, empty: "no code in it" },
      );
      const { suggestedAction } = extraction.intent;
      const more = extraction.leftOut === 0 ? "" : `; ${extraction.leftOut} more blocks were left out`;
      if (format === "human") process.stdout.write(`\nsuggested: ${suggestedAction}${more}\n`);
    });
}

async function textOf(file: string): Promise<string> {
  if (file === "-") return await readAll(process.stdin);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function linesOf(text: string, start: number, end: number): string {
  const first = text.slice(0, start).split("\n").length;
  return `${first}-${first + text.slice(start, end).split("\n").length - 1}`;
}

function firstLine({ code }: CodeBlock): string {
  const [line = "", ...more] = code.split("\n");
  return `${line.slice(0, 60)}${more.length > 0 || line.length > 60 ? " …" : ""}`;
}

function whyOf({ reasons }: CodeBlock): string {
  return reasons
    .slice(0, 2)
    .map(({ message }) => message)
    .join("; ");
}
