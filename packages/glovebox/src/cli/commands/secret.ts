import type { Secret } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { formatFor, printJson, printRecord, printTable } from "../render/print.ts";
import { agoText } from "../render/units.ts";
import { readSecretValue } from "../secret-value.ts";
import { confirmLoss } from "./confirm.ts";
import { flagsOf, list } from "./options.ts";

export function addSecret(program: Command): void {
  const secret = program.command("secret").description("Secrets: what sandboxes may use and never see");
  addList(secret);
  addSet(secret);
  secret
    .command("delete <name>")
    .description("Delete a secret; sessions that have it already keep it until they end or the server restarts")
    .option("-y, --yes", "do not ask")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ yes?: boolean }>(command);
      await confirmLoss(`Deleting secret ${name}`, flags.yes);
      await (await openClient(flags)).secrets.delete(name);
      if (flags.json === true) printJson({ name, deleted: true });
      else process.stdout.write(`${name}\tdeleted\n`);
    });
  secret
    .command("rotate-key")
    .description("Seal every tenant's secrets under a new master key; only for the root token")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const rotation = await (await openClient(flags)).secrets.rotateKey();
      const format = formatFor(flags);
      if (format === "json") return printJson(rotation);
      printRecord(
        [
          ["key", rotation.keyId],
          ["sealed anew", rotation.resealed],
        ],
        format,
      );
    });
}

function addList(secret: Command): void {
  secret
    .command("list")
    .description("List secrets and the hosts that they are bound to; their values are never shown")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).secrets.list();
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      await printTable<Secret>(
        found.items,
        [
          { title: "NAME", value: ({ name }) => name },
          { title: "HOSTS", value: ({ hosts }) => hosts.join(",") },
          { title: "VERSION", value: ({ version }) => String(version) },
          { title: "CHANGED", value: ({ updatedAt }) => agoText(updatedAt) },
        ],
        { format, empty: "no secrets" },
      );
    });
}

function addSet(secret: Command): void {
  secret
    .command("set <name> [source]")
    .description("Make or replace a secret. Its value is asked for on a terminal, else read from stdin (`-`) or a file")
    .option("--host <host>", "who may be sent it: host, *.host, either with :port; can be repeated", list)
    .option("--from-file <file>", "read the value from here; a line break at the end is not part of it")
    .action(async (name: string, source: string | undefined, _options, command: Command) => {
      const flags = flagsOf<{ host?: readonly string[]; fromFile?: string }>(command);
      if (source !== undefined && source !== "-") {
        // The word is not repeated: it may well be the secret.
        throw new UsageError("a value on the command line is seen by others", "pipe it in, or use --from-file");
      }
      if (source !== undefined && flags.fromFile !== undefined) throw new UsageError("give either - or --from-file");
      const hosts = flags.host ?? [];
      if (hosts.length === 0) throw new UsageError("who may be sent it?", "--host api.example.com, at least one");
      const box = await openClient(flags);
      const made = await box.secrets.set(name, { value: await readSecretValue(name, flags.fromFile ?? source), hosts });
      if (flags.json === true) printJson(made);
      else process.stdout.write(`${made.name}\tversion ${made.version}\t${made.hosts.join(",")}\n`);
    });
}
