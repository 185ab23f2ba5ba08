import { readFile } from "node:fs/promises";
import type { Template, TemplateInput, TemplatePatch } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { formatFor, printJson, printRecord, printTable } from "../render/print.ts";
import { agoText } from "../render/units.ts";
import { confirmLoss } from "./confirm.ts";
import { flagsOf, integer } from "./options.ts";
import { addPaging, type PagingFlags, printPages } from "./paging.ts";

export function addTemplate(program: Command): void {
  const template = program.command("template").description("Templates: what sandboxes are made from");
  addRead(template);
  addWrite(template);
  addCatalog(template);
}

function addRead(template: Command): void {
  addPaging(template.command("list").description("List templates"))
    .option("--name <name>", "only the one of this name")
    .option("--isolation <name>", "only those of this isolation")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<PagingFlags & { name?: string; isolation?: Template["isolation"] }>(command);
      const box = await openClient(flags);
      const { name, isolation } = flags;
      await printPages<Template>(flags, (page) => box.templates.list({ ...page, name, isolation }), {
        format: formatFor(flags),
        empty: "no templates",
        columns: [
          { title: "NAME", value: (item) => item.name },
          { title: "VERSION", value: ({ version }) => String(version) },
          { title: "ISOLATION", value: (item) => item.isolation },
          { title: "LANGUAGES", value: ({ languages }) => languages.join(",") },
          { title: "NETWORK", value: ({ network }) => networkText(network) },
          { title: "SECRETS", value: ({ secrets }) => secrets.join(",") },
          { title: "CHANGED", value: ({ updatedAt }) => agoText(updatedAt) },
        ],
      });
    });
  template
    .command("get <template>")
    .description("Show a template, by id or name")
    .option("--at <version>", "an older version of it", integer(1))
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ at?: number }>(command);
      const found = await (await openClient(flags)).templates.get(name, { version: flags.at });
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      printRecord(
        Object.entries({ ...found, network: networkText(found.network), secrets: found.secrets.join(", ") }).map(
          ([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : String(value)],
        ),
        format,
      );
    });
}

/** The mode with what it lets out. The limits are in `--json`. */
function networkText({ mode, allow, exempt }: Template["network"]): string {
  const allowed = mode === "allowlist" ? `: ${allow.length === 0 ? "nothing" : allow.join(", ")}` : "";
  return `${mode}${allowed}${exempt.length === 0 ? "" : `; TLS left closed for ${exempt.join(", ")}`}`;
}

function addWrite(template: Command): void {
  template
    .command("create")
    .description("Create a template from a YAML or JSON file (`-` for stdin)")
    .requiredOption("-f, --file <file>", "what the template says: at least `name` and `isolation`")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<{ file: string }>(command);
      const input = (await readDocument(flags.file)) as unknown as TemplateInput;
      printTemplate(flags, await (await openClient(flags)).templates.create(input));
    });
  template
    .command("update <template>")
    .description("Change what the file names, which makes a new version")
    .requiredOption("-f, --file <file>", "the fields to change, YAML or JSON (`-` for stdin)")
    .option("--if-version <n>", "only while this is its version", integer(1))
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ file: string; ifVersion?: number }>(command);
      const patch = (await readDocument(flags.file)) as TemplatePatch;
      const box = await openClient(flags);
      printTemplate(flags, await box.templates.update(name, patch, { ifVersion: flags.ifVersion }));
    });
  template
    .command("clone <template> <name>")
    .description("Copy a template under another name")
    .action(async (from: string, name: string, _options, command: Command) => {
      const flags = flagsOf(command);
      printTemplate(flags, await (await openClient(flags)).templates.clone(from, name));
    });
  template
    .command("delete <template>")
    .description("Delete a template that no live session uses")
    .option("--if-version <n>", "only while this is its version", integer(1))
    .option("-y, --yes", "do not ask")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ ifVersion?: number; yes?: boolean }>(command);
      await confirmLoss(`Deleting template ${name}`, flags.yes);
      await (await openClient(flags)).templates.delete(name, { ifVersion: flags.ifVersion });
      if (flags.json === true) printJson({ name, deleted: true });
      else process.stdout.write(`${name}\tdeleted\n`);
    });
}

function printTemplate(flags: { readonly json?: boolean | undefined }, found: Template): void {
  if (flags.json === true) printJson(found);
  else process.stdout.write(`${found.name}\tversion ${found.version}\t${found.id}\n`);
}

async function readDocument(file: string): Promise<Record<string, unknown>> {
  const { text } = await import("node:stream/consumers");
  const content = file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(content, { maxAliasCount: 100 });
  } catch (error) {
    throw new UsageError(`${file} is neither YAML nor JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError(`${file} must hold one object with the template's fields`);
}

function addCatalog(template: Command): void {
  const catalog = template.command("catalog").description("What templates may name");
  catalog
    .command("modules")
    .description("Host modules that `isolate` templates may offer")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).catalog.modules();
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      const columns = [
        { title: "NAME", value: ({ name }: { name: string }) => name },
        { title: "WHAT", value: ({ description }: { description: string }) => description },
      ];
      await printTable<{ name: string; description: string }>(found.items, columns, { format, empty: "none" });
    });
  catalog
    .command("libraries")
    .description("JavaScript libraries, with their versions")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).catalog.libraries();
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      type Library = (typeof found.items)[number];
      const columns = [
        { title: "NAME", value: ({ name }: Library) => name },
        { title: "GLOBAL", value: (item: Library) => item.global },
        { title: "VERSION", value: ({ version }: Library) => version },
      ];
      await printTable(found.items, columns, { format, empty: "none" });
    });
  catalog
    .command("languages")
    .description("Languages and the isolations that run them")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).catalog.languages();
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      type Item = (typeof found.items)[number];
      const columns = [
        { title: "LANGUAGE", value: ({ name }: Item) => name },
        { title: "ISOLATIONS", value: ({ isolations }: Item) => isolations.join(",") },
      ];
      await printTable(found.items, columns, { format, empty: "none" });
    });
}
