import type { ContextHit, ContextPast, ContextSearch } from "@glovebox/sdk";
import { type Command, Option } from "commander";
import { openClient } from "../../connect.ts";
import { coloursFor } from "../../render/colours.ts";
import { formatFor, printJson } from "../../render/print.ts";
import { printable, printableLine } from "../../render/printable.ts";
import { flagsOf, integer, list } from "../options.ts";
import { onePast, withPast } from "./fields.ts";

interface QueryFlags extends ContextPast {
  readonly scope?: readonly string[];
  readonly filter?: string;
  readonly strategy?: ContextSearch["strategy"];
  readonly fusion?: ContextSearch["fusion"];
  readonly k?: number;
}

/** Lines of a piece that are shown on a terminal. */
const SHOWN_LINES = 12;

export function addQuery(context: Command): void {
  withPast(context.command("query <text>"))
    .description("Find pieces of documents by words, by nearness, or both")
    .option("--scope <scopes>", "only in these", list)
    .option("--filter <filter>", "key=value …, or JSON")
    .addOption(new Option("--strategy <strategy>", "how to look").choices(["auto", "dense", "sparse", "parallel"]))
    .addOption(new Option("--fusion <fusion>", "how both sides are joined").choices(["rrf", "weighted", "max"]))
    .option("-k <n>", "how many; default 10", integer(1, 100))
    .action(async (query: string, _options, command: Command) => {
      const flags = flagsOf<QueryFlags>(command);
      const { scope: scopes, filter, strategy, fusion, k } = flags;
      const found = await (await openClient(flags)).context.search({
        ...{ query, scopes, filter, strategy, fusion, k, at: onePast(flags) },
      });
      if (formatFor(flags) === "json") return printJson(found);
      if (found.wordsOnly !== undefined) {
        const { message, left } = found.wordsOnly;
        const rest = left === undefined ? "" : ` (${left} pieces left)`;
        process.stderr.write(`${printable(message)}${rest}: only words were searched\n`);
      }
      for (const hit of found.hits) showHit(hit);
    });
}

function showHit({ id, path, lines, score, chunk, version }: ContextHit): void {
  const colours = coloursFor(process.stdout);
  const where = printableLine(`${path ?? id}:${lines.start}-${lines.end}`);
  process.stdout.write(`${colours.bold(where)}  ${colours.dim(`version ${version}, ${score.toFixed(4)}`)}\n`);
  const all = chunk.split("\n");
  for (const line of all.slice(0, SHOWN_LINES)) process.stdout.write(`    ${printable(line)}\n`);
  if (all.length > SHOWN_LINES) process.stdout.write(colours.dim(`    … ${all.length - SHOWN_LINES} more lines\n`));
}
