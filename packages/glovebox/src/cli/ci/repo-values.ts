import type { RepositorySecret, RepositoryVariable } from "@glovebox/sdk";
import type { Command } from "commander";
import { flagsOf } from "../commands/options.ts";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { type Column, formatFor, printJson, printTable } from "../render/print.ts";
import { agoText } from "../render/units.ts";
import { readSecretValue } from "../secret-value.ts";
import { findRepository } from "./repo.ts";

interface PlaceFlags {
  readonly environment?: string;
}

/** `secret` and `variable` of a repository: the same commands, but that a secret's value is never on the command line and never shown. */
export function addRepoValues(repo: Command, kind: "secret" | "variable"): void {
  const isSecret = kind === "secret";
  const where = isSecret ? "secrets" : "vars";
  const group = repo.command(kind).description(`What workflows find under \`${where}\``);
  addList(group, kind);
  withEnvironment(
    isSecret
      ? group
          .command("set <repository> <name> [source]")
          .description("Make or replace a secret. Its value is asked for on a terminal, else read from stdin (`-`)")
      : group.command("set <repository> <name> <value>").description("Make or replace a variable"),
  ).action(async (repository: string, name: string, given: string | undefined, _options, command: Command) => {
    if (isSecret && given !== undefined && given !== "-") {
      // The word is not repeated: it may well be the secret.
      throw new UsageError("a value on the command line is seen by others", "pipe it in");
    }
    const flags = flagsOf<PlaceFlags>(command);
    const box = await openClient(flags);
    const { id } = await findRepository(box, repository);
    const value = isSecret ? await readSecretValue(name, given) : (given ?? "");
    const made = await box.repositories[isSecret ? "secrets" : "variables"].set(id, name, value, placeOf(flags));
    if (flags.json === true) printJson(made);
    else process.stdout.write(`${made.name}\tversion ${made.version}\n`);
  });
  withEnvironment(group.command("delete <repository> <name>").description(`Delete a ${kind}`)).action(
    async (repository: string, name: string, _options, command: Command) => {
      const flags = flagsOf<PlaceFlags>(command);
      const box = await openClient(flags);
      const { id } = await findRepository(box, repository);
      await box.repositories[isSecret ? "secrets" : "variables"].delete(id, name, placeOf(flags));
      if (flags.json === true) printJson({ name, deleted: true });
      else process.stdout.write(`${name}\tdeleted\n`);
    },
  );
}

function addList(group: Command, kind: "secret" | "variable"): void {
  const isSecret = kind === "secret";
  withEnvironment(
    group
      .command("list <repository>")
      .description(isSecret ? "List secrets; their values are never shown" : "List variables"),
  ).action(async (repository: string, _options, command: Command) => {
    const flags = flagsOf<PlaceFlags>(command);
    const box = await openClient(flags);
    const { id } = await findRepository(box, repository);
    const format = formatFor(flags);
    const empty = `no ${kind}s`;
    if (isSecret) {
      const found = await box.repositories.secrets.list(id, placeOf(flags));
      if (format === "json") return printJson(found);
      return await printTable<RepositorySecret>(found.items, columns, { format, empty });
    }
    const found = await box.repositories.variables.list(id, placeOf(flags));
    if (format === "json") return printJson(found);
    const withValue = [...columns, { title: "VALUE", value: ({ value }: RepositoryVariable) => value }];
    await printTable<RepositoryVariable>(found.items, withValue, { format, empty });
  });
}

const columns: readonly Column<RepositorySecret>[] = [
  { title: "NAME", value: ({ name }) => name },
  { title: "VERSION", value: ({ version }) => String(version) },
  { title: "CHANGED", value: ({ updatedAt }) => agoText(updatedAt) },
];

function withEnvironment(command: Command): Command {
  return command.option("--environment <name>", "those of this environment");
}

function placeOf({ environment }: PlaceFlags): { readonly environment?: string } {
  return environment === undefined ? {} : { environment };
}
