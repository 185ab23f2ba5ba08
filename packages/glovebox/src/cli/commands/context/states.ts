import type { ContextPast, ContextSnapshot } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../../connect.ts";
import { UsageError } from "../../failure.ts";
import { formatFor, printJson, printRecord, printTable } from "../../render/print.ts";
import { printableLine } from "../../render/printable.ts";
import { confirmLoss } from "../confirm.ts";
import { flagsOf, integer } from "../options.ts";
import { onePast, showAdded, withPast } from "./fields.ts";

export function addStates(context: Command): void {
  addSnapshots(context.command("snapshot").description("Snapshots of scopes"));
  withPast(context.command("rollback"))
    .description("Bring a scope back to a past state by new versions; what was in between stays readable")
    .option("--scope <scope>", "default global")
    .option("--origin <text>", "who or what does it", "cli")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<ContextPast & { scope?: string; origin: string }>(command);
      const to = onePast(flags);
      if (to === undefined) throw new UsageError("no state is named", "--snapshot, --revision, --time or --run");
      const { scope, origin } = flags;
      showAdded(await (await openClient(flags)).context.rollback({ scope, to, origin }), flags);
    });
  context
    .command("compact")
    .description("Forget versions that ended before a time and that no snapshot, pin or run holds")
    .requiredOption("--before <time>", "RFC 3339")
    .option("-y, --yes", "do not ask")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<{ before: string; yes?: boolean }>(command);
      await confirmLoss(`forgetting versions that ended before ${flags.before}`, flags.yes);
      const compacted = await (await openClient(flags)).context.compact(flags.before);
      const format = formatFor(flags);
      if (format === "json") return printJson(compacted);
      printRecord(
        [
          ["versions", compacted.versions],
          ["pieces", compacted.chunks],
        ],
        format,
      );
    });
  context
    .command("watch")
    .description("Print what changes in a scope, as it happens")
    .option("--scope <scope>", "default global")
    .option("--after <revision>", "also what changed after this revision", integer(0))
    .action(async (_options, command: Command) => {
      const flags = flagsOf<{ scope?: string; after?: number }>(command);
      const changes = (await openClient(flags)).context.changes(flags.scope, { afterRevision: flags.after });
      for await (const change of changes) {
        if (formatFor(flags) === "json") printJson(change);
        else {
          const { revision, path, id, version, removed, origin } = change;
          const what = [revision, removed ? "removed" : `version ${version}`, path ?? id, origin];
          process.stdout.write(`${what.map((one) => printableLine(String(one))).join("\t")}\n`);
        }
      }
    });
}

function addSnapshots(snapshot: Command): void {
  snapshot
    .command("create <name>")
    .description("Remember a scope as it is")
    .option("--scope <scope>", "default global")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ scope?: string }>(command);
      const taken = await (await openClient(flags)).context.snapshot(name, flags.scope);
      const format = formatFor(flags);
      if (format === "json") return printJson(taken);
      printRecord(
        [
          ["id", taken.id],
          ["scope", taken.scope],
          ["revision", taken.revision],
        ],
        format,
      );
    });
  snapshot
    .command("list")
    .description("List snapshots, oldest first")
    .option("--scope <scope>", "only of this one")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<{ scope?: string }>(command);
      const { items } = await (await openClient(flags)).context.snapshots(flags.scope);
      const format = formatFor(flags);
      if (format === "json") return printJson(items);
      await printTable<ContextSnapshot>(
        items,
        [
          { title: "ID", value: ({ id }) => id },
          { title: "NAME", value: ({ name }) => name },
          { title: "SCOPE", value: ({ scope }) => scope },
          { title: "REVISION", value: ({ revision }) => String(revision) },
          { title: "CREATED", value: ({ createdAt }) => createdAt },
        ],
        { format, empty: "no snapshots" },
      );
    });
  snapshot
    .command("delete <id>")
    .description("Forget a snapshot; documents stay as they are")
    .action(async (id: string, _options, command: Command) => {
      await (await openClient(flagsOf(command))).context.deleteSnapshot(id);
    });
}
