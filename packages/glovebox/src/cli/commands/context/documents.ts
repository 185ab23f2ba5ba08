import type { ContextKind, ContextPast, ContextVersion } from "@glovebox/sdk";
import { type Command, Option } from "commander";
import { openClient } from "../../connect.ts";
import { ExitError } from "../../failure.ts";
import { formatFor, printJson, printRecord, printTable } from "../../render/print.ts";
import { printable } from "../../render/printable.ts";
import { flagsOf, integer, list, pairs } from "../options.ts";
import { contentOf, documentId, KINDS, pastOf, showAdded, withPast } from "./fields.ts";
import { lineDiff } from "./line-diff.ts";

interface AddFlags {
  readonly kind: ContextKind;
  readonly scope?: string;
  readonly path?: string;
  readonly origin: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly basedOn?: number;
  readonly expires?: string;
  readonly pinned?: boolean;
}

export function addDocuments(context: Command): void {
  addAdd(context);
  addReads(context);
  addChanges(context);
}

function addAdd(context: Command): void {
  context
    .command("add <files...>")
    .description(
      "Write documents from files (`-` for stdin); what is there already with the same content stays as it is",
    )
    .addOption(new Option("--kind <kind>", "what it is").choices(KINDS).default("text"))
    .option("--scope <scope>", "global (default), session:ID, task:ID or run:ID")
    .option("--path <path>", "the document's path, of one file; default: the file's own")
    .option("--origin <text>", "who or what it comes from", "cli")
    .option("--metadata <name=value>", "what is known about it; repeatable", pairs)
    .option("--based-on <version>", "the version that it replaces, 0 for none", integer(0))
    .option("--expires <time>", "not found any more from then on (RFC 3339)")
    .option("--pinned", "keep it, with all its versions")
    .action(async (files: readonly string[], _options, command: Command) => {
      const flags = flagsOf<AddFlags>(command);
      const { kind, scope, path, origin, metadata, basedOn, expires: expiresAt, pinned } = flags;
      const documents = await Promise.all(
        files.map(async (file) => {
          const own = file === "-" ? undefined : file.replace(/^(\.\/)+/, "");
          return {
            kind,
            scope,
            path: path ?? own,
            origin,
            metadata,
            basedOn,
            expiresAt,
            pinned,
            content: await contentOf(file),
          };
        }),
      );
      showAdded(await (await openClient(flags)).context.add(documents), flags);
    });
}

function addReads(context: Command): void {
  withPast(context.command("list"))
    .description("List documents, without their content")
    .option("--scope <scopes>", "only of these", list)
    .option("--filter <filter>", "key=value …, or JSON")
    .option("--limit <n>", "documents of one page", integer(1, 1000))
    .option("--cursor <cursor>", "go on where the last page ended")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<
        ContextPast & { scope?: readonly string[]; filter?: string; limit?: number; cursor?: string }
      >(command);
      const { scope: scopes, filter, limit, cursor } = flags;
      const found = await (await openClient(flags)).context.list({ scopes, filter, limit, cursor, ...pastOf(flags) });
      if (formatFor(flags) === "json") return printJson(found);
      await showVersions(found.items, flags);
    });
  withPast(context.command("show <document>"))
    .description("Print a document, by its id or path: its content, or with --json all of it")
    .option("--scope <scope>", "where the path is looked for")
    .option("--at <version>", "this version", integer(1))
    .action(async (document: string, _options, command: Command) => {
      const flags = flagsOf<ContextPast & { scope?: string; at?: number }>(command);
      const client = await openClient(flags);
      const id = await documentId(client, document, flags.scope);
      const found = await client.context.get(id, { version: flags.at, ...pastOf(flags) });
      if (formatFor(flags) === "json") return printJson(found);
      process.stdout.write(process.stdout.isTTY === true ? `${printable(found.content)}\n` : found.content);
    });
  context
    .command("history <document>")
    .description("List a document's versions, newest first")
    .option("--scope <scope>", "where the path is looked for")
    .action(async (document: string, _options, command: Command) => {
      const flags = flagsOf<{ scope?: string }>(command);
      const client = await openClient(flags);
      const { items } = await client.context.history(await documentId(client, document, flags.scope));
      if (formatFor(flags) === "json") return printJson(items);
      await showVersions(items, flags);
    });
  context
    .command("diff <document> <from> [to]")
    .description("Compare two versions of a document; default: with the current one. Exits with 1 when they differ")
    .option("--scope <scope>", "where the path is looked for")
    .action(async (document: string, from: string, to: string | undefined, _options, command: Command) => {
      const flags = flagsOf<{ scope?: string }>(command);
      const client = await openClient(flags);
      const id = await documentId(client, document, flags.scope);
      const number = integer(1);
      const [a, b] = await Promise.all([
        client.context.get(id, { version: number(from) }),
        client.context.get(id, to === undefined ? {} : { version: number(to) }),
      ]);
      const diff = lineDiff(a.content, b.content, { a: `version ${a.version}`, b: `version ${b.version}` });
      if (formatFor(flags) === "json") printJson({ from: a.version, to: b.version, diff });
      else process.stdout.write(printable(diff));
      if (diff !== "") throw new ExitError(1);
    });
}

function addChanges(context: Command): void {
  context
    .command("merge <document> <file>")
    .description("Bring in a content (`-` for stdin) that was made from an older version. Exits with 1 on conflicts")
    .requiredOption("--based-on <version>", "the version that it was made from", integer(1))
    .option("--scope <scope>", "where the path is looked for")
    .option("--origin <text>", "who or what it comes from", "cli")
    .option("--mark", "with conflicts, write both sides between marks")
    .action(async (document: string, file: string, _options, command: Command) => {
      const flags = flagsOf<{ basedOn: number; scope?: string; origin: string; mark?: boolean }>(command);
      const client = await openClient(flags);
      const id = await documentId(client, document, flags.scope);
      const onConflict = flags.mark === true ? "mark" : "refuse";
      const merge = {
        content: await contentOf(file),
        basedOn: flags.basedOn,
        origin: flags.origin,
        onConflict,
      } as const;
      const merged = await client.context.merge(id, merge);
      const format = formatFor(flags);
      if (format === "json") printJson(merged);
      else {
        printRecord(
          [
            ["version", merged.written?.version ?? "not written"],
            ["conflicts", merged.conflicts.length],
          ],
          format,
        );
        if (merged.conflicts.length > 0) process.stdout.write(`${printable(merged.content)}\n`);
      }
      if (merged.conflicts.length > 0) throw new ExitError(1);
    });
  context
    .command("remove <document>")
    .description("End a document; what it was stays readable")
    .option("--scope <scope>", "where the path is looked for")
    .option("--based-on <version>", "only if this is its current version", integer(1))
    .action(async (document: string, _options, command: Command) => {
      const flags = flagsOf<{ scope?: string; basedOn?: number }>(command);
      const client = await openClient(flags);
      const written = await client.context.remove(await documentId(client, document, flags.scope), flags.basedOn);
      if (formatFor(flags) === "json") printJson(written);
    });
  context
    .command("pin <document>")
    .description("Keep a document with all its versions, whatever expires or is compacted")
    .option("--scope <scope>", "where the path is looked for")
    .option("--off", "let it go again")
    .action(async (document: string, _options, command: Command) => {
      const flags = flagsOf<{ scope?: string; off?: boolean }>(command);
      const client = await openClient(flags);
      await client.context.pin(await documentId(client, document, flags.scope), flags.off !== true);
    });
}

async function showVersions(
  items: readonly ContextVersion[],
  flags: { readonly json?: boolean | undefined },
): Promise<void> {
  await printTable<ContextVersion>(
    items,
    [
      { title: "ID", value: ({ id }) => id },
      { title: "SCOPE", value: ({ scope }) => scope },
      { title: "KIND", value: ({ kind }) => kind },
      { title: "PATH", value: ({ path }) => path ?? "" },
      { title: "VERSION", value: ({ version, removed }) => (removed ? `${version} (removed)` : String(version)) },
      { title: "ORIGIN", value: ({ origin }) => origin },
      { title: "CREATED", value: ({ createdAt }) => createdAt },
    ],
    { format: formatFor(flags), empty: "no documents: `glovebox context add FILE` or `glovebox context index .`" },
  );
}
