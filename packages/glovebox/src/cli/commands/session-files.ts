import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { FileStat } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { formatFor, printJson, printRecord, printTable } from "../render/print.ts";
import { byteProgress, counted } from "../render/progress.ts";
import { bytesText } from "../render/units.ts";
import { copyBetween } from "./copy.ts";
import { flagsOf, integer, octal } from "./options.ts";
import { sessionNamed } from "./session-reference.ts";

/** The files of a session, as the code in it sees them. */
export function addSessionFiles(session: Command): void {
  addLook(session);
  addReadAndWrite(session);
  addChange(session);
  addTrees(session);
}

const MARKS = { dir: "d", file: "-", symlink: "l", other: "?" } as const;

function modeText({ kind, mode }: FileStat): string {
  const bits = [...(mode & 0o777).toString(2).padStart(9, "0")].map((bit, at) => (bit === "1" ? "rwx"[at % 3] : "-"));
  return MARKS[kind] + bits.join("");
}

function addLook(session: Command): void {
  session
    .command("ls <session> [path]")
    .description("List a folder, default the workspace")
    .option("-r, --recursive", "and what is below it")
    .option("--limit <n>", "at most this many (default 10000)", integer(1, 100_000))
    .action(async (name: string, path: string | undefined, _options, command: Command) => {
      const flags = flagsOf<{ recursive?: boolean; limit?: number }>(command);
      const { files } = await sessionNamed(await openClient(flags), name);
      const found = await files.list(path, { recursive: flags.recursive, limit: flags.limit });
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      const columns = [
        { title: "MODE", value: modeText },
        { title: "SIZE", value: ({ size }: FileStat) => (format === "human" ? bytesText(size) : String(size)) },
        { title: "MODIFIED", value: ({ mtimeMs }: FileStat) => new Date(mtimeMs).toISOString().slice(0, 19) },
        { title: "PATH", value: (item: FileStat) => (item.target ? `${item.path} -> ${item.target}` : item.path) },
      ];
      await printTable(found.items, columns, { format, empty: "nothing in it" });
      if (found.truncated) process.stderr.write("there are more: give a higher --limit\n");
    });
  session
    .command("stat <session> <path>")
    .description("What a path is")
    .action(async (name: string, path: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await sessionNamed(await openClient(flags), name)).files.stat(path);
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      printRecord(
        [
          ["path", found.path],
          ["kind", found.kind],
          ["size", found.size],
          ["mode", modeText(found)],
          ["modified", new Date(found.mtimeMs).toISOString()],
          ["target", found.target],
        ],
        format,
      );
    });
}

function addReadAndWrite(session: Command): void {
  session
    .command("cat <session> <path>")
    .description("Write a file's bytes to stdout")
    .option("--offset <bytes>", "from this byte on", integer(0))
    .option("--bytes <n>", "at most this many", integer(0))
    .action(async (name: string, path: string, _options, command: Command) => {
      const flags = flagsOf<{ offset?: number; bytes?: number }>(command);
      const { files } = await sessionNamed(await openClient(flags), name);
      const content = await files.readStream(path, { offset: flags.offset, limit: flags.bytes });
      if (flags.json === true) {
        const bytes = Buffer.from(await new Response(content).arrayBuffer());
        return printJson({ path, base64: bytes.toString("base64") });
      }
      await pipeline(content, process.stdout, { end: false });
    });
  session
    .command("put <session> <path> [file]")
    .description("Write a file in the session from FILE, or from stdin")
    .option("--append", "add to what is there")
    .option("--parents", "make the folders above it")
    .option("--mode <octal>", "permission bits (default 644)", octal)
    .action(async (name: string, path: string, file: string | undefined, _options, command: Command) => {
      const flags = flagsOf<{ append?: boolean; parents?: boolean; mode?: number }>(command);
      const fromFile = file !== undefined && file !== "-";
      const total = fromFile ? (await stat(file)).size : undefined;
      const { files } = await sessionNamed(await openClient(flags), name);
      using progress = byteProgress("sending", total);
      const content = counted(fromFile ? createReadStream(file) : process.stdin, progress);
      const { append, parents, mode } = flags;
      const written = await files.write(path, content, { append, parents, mode });
      if (flags.json === true) printJson(written);
    });
}

function addChange(session: Command): void {
  session
    .command("mkdir <session> <path>")
    .description("Make a folder")
    .option("-p, --parents", "and those above it; one that is there is fine")
    .action(async (name: string, path: string, _options, command: Command) => {
      const flags = flagsOf<{ parents?: boolean }>(command);
      await (await sessionNamed(await openClient(flags), name)).files.mkdir(path, { parents: flags.parents });
      if (flags.json === true) printJson({ path });
    });
  session
    .command("mv <session> <from> <to>")
    .description("Rename or move a file or folder")
    .action(async (name: string, from: string, to: string, _options, command: Command) => {
      const flags = flagsOf(command);
      await (await sessionNamed(await openClient(flags), name)).files.rename(from, to);
      if (flags.json === true) printJson({ from, to });
    });
  session
    .command("rm <session> <path>")
    .description("Remove a file, or a folder")
    .option("-r, --recursive", "with what is in it")
    .action(async (name: string, path: string, _options, command: Command) => {
      const flags = flagsOf<{ recursive?: boolean }>(command);
      await (await sessionNamed(await openClient(flags), name)).files.remove(path, { recursive: flags.recursive });
      if (flags.json === true) printJson({ path, removed: true });
    });
}

function addTrees(session: Command): void {
  session
    .command("cp <from> <to>")
    .description("Copy a file or a folder into or out of a session; its side is SESSION:PATH")
    .action(async (from: string, to: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const copied = await copyBetween(await openClient(flags), from, to);
      if (flags.json === true) printJson(copied);
      else if (copied.skipped.length > 0) {
        process.stderr.write(`left out, being neither file nor folder: ${copied.skipped.join(", ")}\n`);
      }
    });
  session
    .command("download <session> [path]")
    .description("A tree as a tar, to stdout or a file")
    .option("-o, --output <file>", "write it there")
    .action(async (name: string, path: string | undefined, _options, command: Command) => {
      const flags = flagsOf<{ output?: string }>(command);
      if (flags.output === undefined && process.stdout.isTTY === true) {
        throw new UsageError("a tar is nothing for a terminal", "give --output FILE, or pipe it");
      }
      const tar = await (await sessionNamed(await openClient(flags), name)).files.download(path);
      using progress = byteProgress("receiving");
      if (flags.output === undefined) await pipeline(counted(tar, progress), process.stdout, { end: false });
      else await pipeline(counted(tar, progress), createWriteStream(flags.output));
    });
  session
    .command("upload <session> <tar> [path]")
    .description("Unpack a tar (`-` for stdin) in the session, default in the workspace")
    .action(async (name: string, tar: string, path: string | undefined, _options, command: Command) => {
      const flags = flagsOf(command);
      const total = tar === "-" ? undefined : (await stat(tar)).size;
      const { files } = await sessionNamed(await openClient(flags), name);
      using progress = byteProgress("sending", total);
      const content = counted(tar === "-" ? process.stdin : createReadStream(tar), progress);
      const unpacked = await files.upload(content, path);
      if (flags.json === true) printJson(unpacked);
      else process.stdout.write(`${unpacked.files}\t${unpacked.bytes}\n`);
    });
}
