import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { flagsOf } from "../commands/options.ts";
import { openClient } from "../connect.ts";
import { EXIT, UsageError } from "../failure.ts";
import { coloursFor } from "../render/colours.ts";
import { formatFor, printJson } from "../render/print.ts";
import { printable } from "../render/printable.ts";

export function addTranslate(ci: Command): void {
  ci.command("translate <file>")
    .description(
      "Show what the server's model makes of a file that cannot run as it is, against what it does now; nothing is run",
    )
    .option("--write <workflow>", "keep it as this new workflow file")
    .action(async (path: string, _options, command: Command) => {
      const flags = flagsOf<{ write?: string }>(command);
      const translated = await (await openClient(flags)).ci.translate({ path, text: textOf(path) });
      const { error, workflow, diff } = translated;
      if (error !== undefined) process.exitCode = EXIT.failed;
      if (flags.write !== undefined && workflow !== undefined) writeFileSync(flags.write, workflow, { flag: "wx" });
      if (formatFor(flags) === "json") return printJson(translated);
      const colours = coloursFor(process.stdout);
      for (const line of printable(diff).split("\n")) {
        const paint = line.startsWith("+")
          ? colours.green
          : line.startsWith("-")
            ? colours.red
            : (text: string) => text;
        process.stdout.write(`${paint(line)}\n`);
      }
      if (error !== undefined) process.stderr.write(`no translation: ${printable(error.message)}\n`);
    });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
