import type { Session, Snapshot, SnapshotChange } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { formatFor, printJson, printRecord, printTable } from "../render/print.ts";
import { withSpinner } from "../render/progress.ts";
import { snapshotTree } from "../render/snapshot-tree.ts";
import { agoText, bytesText } from "../render/units.ts";
import { confirmLoss } from "./confirm.ts";
import { flagsOf } from "./options.ts";
import { addPaging, type PagingFlags, printPages } from "./paging.ts";
import { sessionNamed } from "./session-reference.ts";
import { allSnapshots, snapshotNamed } from "./snapshot-reference.ts";

export function addSnapshot(program: Command): void {
  const snapshot = program.command("snapshot").description("Snapshots: a session's state, frozen, to return to");
  addCreate(snapshot);
  addLists(snapshot);
  addShow(snapshot);
  addDiff(snapshot);
  addRollback(snapshot);
  addDelete(snapshot);
}

async function sessionOf(command: Command, name: string): Promise<Session> {
  return sessionNamed(await openClient(flagsOf(command)), name);
}

function addCreate(snapshot: Command): void {
  snapshot
    .command("create <session>")
    .description("Freeze a session's state; prints the snapshot's id")
    .option("--name <name>", "a name of your own")
    .option("--description <text>", "what it is")
    .option("--memory", "with memory and running processes, or not at all")
    .option("--no-memory", "files alone (default: the most that the isolation can)")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ name?: string; description?: string; memory?: boolean }>(command);
      const session = await sessionOf(command, name);
      const input = { name: flags.name, description: flags.description, memory: flags.memory };
      const made = await withSpinner("freezing", () => session.snapshots.create(input));
      const format = formatFor(flags);
      if (format === "json") printJson(made);
      else if (format === "plain") process.stdout.write(`${made.id}\n`);
      else printSnapshot(made, format);
    });
}

function addLists(snapshot: Command): void {
  addPaging(snapshot.command("list <session>").description("List a session's snapshots, newest first")).action(
    async (name: string, _options, command: Command) => {
      const flags = flagsOf<PagingFlags>(command);
      const session = await sessionOf(command, name);
      await printPages<Snapshot>(flags, (page) => session.snapshots.list(page), {
        format: formatFor(flags),
        empty: "no snapshots: `glovebox snapshot create` makes one",
        columns: [
          { title: "ID", value: ({ id }) => id },
          { title: "NAME", value: (item) => item.name ?? "" },
          { title: "KIND", value: ({ kind }) => kind },
          { title: "ORIGIN", value: ({ origin }) => origin },
          { title: "HOLDS", value: ({ bytes }) => bytesText(bytes) },
          { title: "ON DISK", value: ({ storedBytes }) => bytesText(storedBytes) },
          { title: "CREATED", value: ({ createdAt }) => agoText(createdAt) },
        ],
      });
    },
  );
  snapshot
    .command("tree <session>")
    .description("Show which snapshot came from which; * is where the session's state comes from")
    .action(async (name: string, _options, command: Command) => {
      const { items, head } = await allSnapshots(await sessionOf(command, name));
      if (flagsOf(command).json === true) return printJson({ items, head });
      for (const line of snapshotTree(items, head)) process.stdout.write(`${line}\n`);
    });
}

function addShow(snapshot: Command): void {
  snapshot
    .command("show <session> <snapshot>")
    .description("Show a snapshot (by id or name)")
    .action(async (name: string, which: string, _options, command: Command) => {
      const session = await sessionOf(command, name);
      const found = await session.snapshots.get(await snapshotNamed(session, which));
      const format = formatFor(flagsOf(command));
      if (format === "json") printJson(found);
      else printSnapshot(found, format);
    });
}

const MARKS: Readonly<Record<SnapshotChange["change"], string>> = { added: "+", removed: "-", modified: "~" };

function addDiff(snapshot: Command): void {
  snapshot
    .command("diff <session> <snapshot> [to]")
    .description("Show which files differ from a snapshot to another, or to the present")
    .action(async (name: string, which: string, to: string | undefined, _options, command: Command) => {
      const session = await sessionOf(command, name);
      const other = to === undefined ? undefined : await snapshotNamed(session, to);
      const found = await session.snapshots.diff(await snapshotNamed(session, which), { to: other });
      const format = formatFor(flagsOf(command));
      if (format === "json") return printJson(found);
      await printTable<SnapshotChange>(
        found.items,
        [
          { title: "", value: ({ change }) => MARKS[change] },
          { title: "PATH", value: ({ path }) => path },
          { title: "KIND", value: ({ kind }) => kind },
          { title: "BEFORE", value: ({ sizeBefore }) => (sizeBefore === undefined ? "" : bytesText(sizeBefore)) },
          { title: "AFTER", value: ({ sizeAfter }) => (sizeAfter === undefined ? "" : bytesText(sizeAfter)) },
        ],
        { format, empty: "nothing differs" },
      );
      if (found.truncated) process.stderr.write("there are more: only the first 10,000 are shown\n");
    });
}

function addRollback(snapshot: Command): void {
  snapshot
    .command("rollback <session> <snapshot>")
    .description("Put a session back into a snapshot's state; prints the snapshot that undoes it")
    .option(
      "--path <path>",
      "only this file or folder of the workspace; can be repeated",
      (path: string, before: readonly string[] = []) => [...before, path],
    )
    .option("--force", "end what runs in the session")
    .action(async (name: string, which: string, _options, command: Command) => {
      const flags = flagsOf<{ path?: readonly string[]; force?: boolean }>(command);
      const session = await sessionOf(command, name);
      const id = await snapshotNamed(session, which);
      const { undo } = await withSpinner("rolling back", () =>
        session.rollback(id, { paths: flags.path, force: flags.force }),
      );
      if (flags.json === true) printJson({ session: session.info, undo });
      else process.stdout.write(`${undo.id}\n`);
    });
}

function addDelete(snapshot: Command): void {
  snapshot
    .command("delete <session> <snapshot>")
    .description("Delete a snapshot")
    .option("-y, --yes", "do not ask")
    .action(async (name: string, which: string, _options, command: Command) => {
      const flags = flagsOf<{ yes?: boolean }>(command);
      const session = await sessionOf(command, name);
      const id = await snapshotNamed(session, which);
      await confirmLoss(`Deleting snapshot ${id}`, flags.yes);
      await session.snapshots.delete(id);
      if (flags.json === true) printJson({ id, deleted: true });
      else process.stdout.write(`${id}\tdeleted\n`);
    });
}

function printSnapshot(found: Snapshot, format: "human" | "plain"): void {
  printRecord(
    [
      ["id", found.id],
      ["name", found.name],
      ["description", found.description],
      ["session", found.sessionId],
      ["parent", found.parentId],
      ["kind", found.kind],
      ["origin", found.origin],
      ["execution", found.executionId],
      ["entries", found.entries],
      ["holds", bytesText(found.bytes)],
      ["on disk", bytesText(found.storedBytes)],
      ["left out", found.skipped === 0 ? undefined : found.skipped],
      ["created", agoText(found.createdAt)],
    ],
    format,
  );
}
