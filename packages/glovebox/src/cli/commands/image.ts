import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Image, ImageEntry } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { type Format, formatFor, printJson, printRecord, printTable } from "../render/print.ts";
import { printableLine } from "../render/printable.ts";
import { byteProgress, counted, shareProgress } from "../render/progress.ts";
import { agoText, bytesText } from "../render/units.ts";
import { confirmLoss } from "./confirm.ts";
import { packLayout } from "./image-layout.ts";
import { flagsOf } from "./options.ts";

export function addImage(program: Command): void {
  const image = program.command("image").description("Root images of sandboxes with a kernel of their own");
  addBuild(image);
  addList(image);
  addShow(image);
  addRemove(image);
  addExport(image);
  addImport(image);
}

function addBuild(image: Command): void {
  image
    .command("build <name>")
    .description("Build an image where it is absent or outdated; ending this command ends the build")
    .option("--fresh", "build it in any case, with the packages that Debian has now")
    .option("--log", "print what the build prints also on a terminal, where a bar is shown otherwise")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ fresh?: boolean; log?: boolean }>(command);
      const box = await openClient(flags);
      const logged = flags.log === true || process.stderr.isTTY !== true;
      using bar = logged ? undefined : shareProgress(`building ${name}`);
      const stop = new AbortController();
      const onInterrupt = () => stop.abort();
      process.once("SIGINT", onInterrupt);
      try {
        const built = await box.images.build(name, {
          fresh: flags.fresh,
          signal: stop.signal,
          onProgress: ({ stage, fraction, line }) => {
            bar?.set(fraction, stage);
            if (logged && line !== undefined) process.stderr.write(`${printableLine(line, 2000)}\n`);
          },
        });
        printImage(built, formatFor(flags));
      } finally {
        process.off("SIGINT", onInterrupt);
      }
    });
}

function addList(image: Command): void {
  image
    .command("list")
    .description("List the images that are defined or there")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).images.list();
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      await printTable<ImageEntry>(
        found.items,
        [
          { title: "NAME", value: ({ name }) => name },
          { title: "STATE", value: ({ state }) => state },
          { title: "SIZE", value: (entry) => (entry.image ? bytesText(entry.image.sizeBytes) : "-") },
          { title: "LANGUAGES", value: (entry) => entry.image?.languages.join(",") ?? "-" },
          { title: "MADE", value: (entry) => (entry.image ? agoText(entry.image.createdAt) : "-") },
          { title: "DESCRIPTION", value: ({ description, reason }) => reason ?? description },
        ],
        { format, empty: "no images" },
      );
    });
}

function addShow(image: Command): void {
  image
    .command("show <name>")
    .description("Show whether an image is there, and what it is")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const entry = await (await openClient(flags)).images.get(name);
      const format = formatFor(flags);
      if (format === "json") return printJson(entry);
      const { image: found, ...rest } = entry;
      printRecord([["name", rest.name], ["state", rest.state], ["reason", rest.reason], ...factsOf(found)], format);
    });
}

function addRemove(image: Command): void {
  image
    .command("remove <name>")
    .description("Delete an image; sandboxes that run from it go on")
    .option("-y, --yes", "do not ask")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ yes?: boolean }>(command);
      await confirmLoss(`Deleting image ${name}`, flags.yes);
      await (await openClient(flags)).images.delete(name);
      if (flags.json === true) printJson({ name, deleted: true });
      else process.stdout.write(`${name}\tdeleted\n`);
    });
}

function addExport(image: Command): void {
  image
    .command("export <name> <file>")
    .description("Write an image as an OCI archive, which other tools can load, too")
    .action(async (name: string, file: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const content = await (await openClient(flags)).images.export(name);
      const partial = `${file}.partial`;
      try {
        using progress = byteProgress(`receiving ${name}`);
        await pipeline(counted(content, progress), createWriteStream(partial, { mode: 0o600 }));
        await rename(partial, file);
      } catch (error) {
        await rm(partial, { force: true });
        throw error;
      }
      const { size } = await stat(file);
      if (flags.json === true) printJson({ file, bytes: size });
      else process.stdout.write(`${file}\t${bytesText(size)}\n`);
    });
}

function addImport(image: Command): void {
  image
    .command("import <path>")
    .description("Take an image from an OCI archive (tar, plain or compressed) or the folder of an OCI layout")
    .option("--name <name>", "its name here; default: what it calls itself")
    .option("--replace", "let an image of that name give way")
    .action(async (path: string, _options, command: Command) => {
      const flags = flagsOf<{ name?: string; replace?: boolean }>(command);
      const found = await stat(path);
      const box = await openClient(flags);
      const source = found.isDirectory() ? packLayout(path) : createReadStream(path);
      using progress = byteProgress(`sending ${basename(path)}`, found.isDirectory() ? undefined : found.size);
      const made = await box.images.import(counted(source, progress), { name: flags.name, replace: flags.replace });
      printImage(made, formatFor(flags));
    });
}

function printImage(image: Image, format: Format): void {
  if (format === "json") printJson(image);
  else printRecord([["name", image.name], ...factsOf(image)], format);
}

function factsOf(image: Image | undefined): [string, string | undefined][] {
  if (image === undefined) return [];
  return [
    ["id", image.id],
    ["size", bytesText(image.sizeBytes)],
    ["languages", image.languages.join(", ")],
    ["from", image.origin],
    ["made", agoText(image.createdAt)],
    ["description", image.description],
  ];
}
