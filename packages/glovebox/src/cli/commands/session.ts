import type { SessionInfo, SessionInput, SessionStatus } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { showEvents } from "../render/event-lines.ts";
import { formatFor, printJson, printRecord, printTable } from "../render/print.ts";
import { withSpinner } from "../render/progress.ts";
import { agoText, bytesText, durationText } from "../render/units.ts";
import { confirmLoss } from "./confirm.ts";
import { flagsOf, integer, list, pairs, positive, secondsAsMs } from "./options.ts";
import { addPaging, type PagingFlags, printPages } from "./paging.ts";
import { addSessionFiles } from "./session-files.ts";
import { sessionIdNamed, sessionNamed } from "./session-reference.ts";

export function addSession(program: Command): void {
  const session = program.command("session").description("Sessions: live sandboxes that keep their state");
  addList(session);
  addCreate(session);
  addRead(session);
  addEnd(session);
  addEvents(session);
  addSessionFiles(session);
}

function addList(session: Command): void {
  addPaging(session.command("list").description("List sessions, newest first"))
    .option("--status <status>", "only these (starting, ready, paused, crashed, closing, closed, lost)", list)
    .option("--template <name>", "only those made from it")
    .option("--key <key>", "only the one with this key")
    .option("--metadata <name=value>", "only those that carry it", pairs)
    .action(async (_options, command: Command) => {
      const flags = flagsOf<
        PagingFlags & { status?: SessionStatus[]; template?: string; key?: string; metadata?: Record<string, string> }
      >(command);
      const box = await openClient(flags);
      const { status, template, key, metadata } = flags;
      await printPages<SessionInfo>(flags, (page) => box.sessions.list({ ...page, status, template, key, metadata }), {
        format: formatFor(flags),
        empty: "no sessions: `glovebox session create` makes one",
        columns: [
          { title: "ID", value: ({ id }) => id },
          { title: "STATUS", value: (item) => item.status },
          { title: "ISOLATION", value: ({ isolation }) => isolation },
          { title: "LANGUAGES", value: ({ languages }) => languages.join(",") },
          { title: "KEY", value: ({ key: name }) => name ?? "" },
          { title: "CREATED", value: ({ createdAt }) => agoText(createdAt) },
        ],
      });
    });
}

interface CreateFlags {
  readonly template?: string;
  readonly isolation?: SessionInput["isolation"];
  readonly lang?: NonNullable<SessionInput["languages"]>;
  readonly key?: string;
  readonly reuse?: boolean;
  readonly dir?: string;
  readonly git?: string;
  readonly ref?: string;
  readonly archive?: string;
  readonly env?: Record<string, string>;
  readonly cpus?: number;
  readonly memory?: number;
  readonly pids?: number;
  readonly openFiles?: number;
  readonly disk?: number;
  readonly allowPartial?: boolean;
  readonly forkable?: boolean;
  readonly idleTimeout?: number;
  readonly maxLifetime?: number;
  readonly metadata?: Record<string, string>;
}

function addCreate(session: Command): void {
  session
    .command("create")
    .description("Create a session; prints its id")
    .option("-t, --template <name>", "what it is made from (default: the ready-made one that fits)")
    .option("-i, --isolation <name>", "how strong the wall is")
    .option("-l, --lang <name>", "languages it must have", list)
    .option("--key <key>", "a name of your own, unique among open sessions")
    .option("--reuse", "with --key: the open session that has it, if there is one")
    .option("--dir <dir>", "start from a copy of this folder of the server's machine")
    .option("--git <url>", "start from a repository on the server's machine")
    .option("--ref <ref>", "with --git: branch, tag or commit")
    .option("--archive <file>", "start from a tar file of this machine")
    .option("--env <name=value>", "an environment variable; can be repeated", pairs)
    .option("--cpus <n>", "CPUs, fractions allowed", positive)
    .option("--memory <mib>", "memory, MiB", integer(16))
    .option("--pids <n>", "threads and processes", integer(8))
    .option("--open-files <n>", "open files per process", integer(16))
    .option("--disk <mib>", "workspace, MiB", integer(1))
    .option("--allow-partial", "start although a limit cannot be enforced")
    .option("--forkable", "prepare it for fast forks, where that makes a difference")
    .option("--idle-timeout <seconds>", "close it after this long without activity", secondsAsMs)
    .option("--max-lifetime <seconds>", "close it after this long", secondsAsMs)
    .option("--metadata <name=value>", "what you want to find again; can be repeated", pairs)
    .action(async (_options, command: Command) => {
      const flags = flagsOf<CreateFlags>(command);
      const input = await inputOf(flags);
      const box = await openClient(flags);
      const { info } = await withSpinner("starting a sandbox", () => box.sessions.create(input));
      const format = formatFor(flags);
      if (format === "json") printJson(info);
      else if (format === "plain") process.stdout.write(`${info.id}\n`);
      else printSession(info, format);
    });
}

async function inputOf(flags: CreateFlags): Promise<SessionInput> {
  const limits = {
    cpus: flags.cpus,
    memoryMb: flags.memory,
    pids: flags.pids,
    openFiles: flags.openFiles,
    diskMb: flags.disk,
  };
  return {
    template: flags.template,
    isolation: flags.isolation,
    languages: flags.lang,
    key: flags.key,
    reuse: flags.reuse,
    workspace: await workspaceOf(flags),
    env: flags.env,
    limits: Object.values(limits).some((value) => value !== undefined) ? limits : undefined,
    allowPartial: flags.allowPartial,
    forkable: flags.forkable,
    idleTimeoutMs: flags.idleTimeout,
    maxLifetimeMs: flags.maxLifetime,
    metadata: flags.metadata,
  };
}

async function workspaceOf({ dir, git, ref, archive }: CreateFlags): Promise<SessionInput["workspace"]> {
  if ([dir, git, archive].filter((value) => value !== undefined).length > 1) {
    throw new UsageError("--dir, --git and --archive exclude each other");
  }
  if (ref !== undefined && git === undefined) throw new UsageError("--ref needs --git");
  const { resolve } = await import("node:path");
  if (dir !== undefined) return { kind: "dir", source: resolve(dir) };
  if (git !== undefined) return { kind: "git", source: git.includes("://") ? git : resolve(git), ref };
  if (archive === undefined) return undefined;
  const { readFile } = await import("node:fs/promises");
  return { kind: "archive", source: (await readFile(archive)).toString("base64") };
}

function addRead(session: Command): void {
  session
    .command("get <session>")
    .description("Show a session (by id or key) and how its limits are applied")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const { info } = await sessionNamed(await openClient(flags), name);
      const format = formatFor(flags);
      if (format === "json") return printJson(info);
      printSession(info, format);
      if (format === "human") await printLimits(info.limitsApplied);
    });
  session
    .command("stats <session>")
    .description("Memory, CPU time, processes and disk of a session")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const box = await openClient(flags);
      const stats = await box.sessions.stats(await sessionIdNamed(box, name));
      const format = formatFor(flags);
      if (format === "json") return printJson(stats);
      printRecord(
        [
          ["memory", bytesText(stats.memoryBytes)],
          ["cpu", durationText(stats.cpuMs)],
          ["processes", stats.pids],
          ["disk", bytesText(stats.diskBytes)],
        ],
        format,
      );
      if (format === "human") await printLimits(stats.limits);
    });
}

function printSession(info: SessionInfo, format: "human" | "plain"): void {
  printRecord(
    [
      ["id", info.id],
      ["status", info.status],
      ["key", info.key],
      ["isolation", info.isolation],
      ["languages", info.languages.join(", ")],
      ["template", `${info.templateId} version ${info.templateVersion}`],
      ["workspace", [info.workspace.kind, info.workspace.source].filter(Boolean).join(" ")],
      ["created", info.createdAt],
      ["expires", info.expiresAt],
      ["closed", info.closedAt],
      ["reason", info.restartReason],
      ["error", info.lastError && `${info.lastError.code}: ${info.lastError.message}`],
    ],
    format,
  );
}

async function printLimits(limits: SessionInfo["limitsApplied"]): Promise<void> {
  process.stdout.write("\n");
  await printTable(
    limits,
    [
      { title: "LIMIT", value: ({ limit }) => limit },
      { title: "ASKED", value: ({ requested }) => String(requested) },
      { title: "APPLIED", value: ({ applied }) => (applied === null ? "not" : String(applied)) },
      { title: "BY", value: ({ mechanism }) => mechanism },
      { title: "WHY", value: ({ reason }) => reason ?? "" },
    ],
    { format: "human", empty: "no limits" },
  );
}

function addEnd(session: Command): void {
  session
    .command("pause <session>")
    .description("Let what runs in a session stand still; it takes no work until it is resumed")
    .option("--release", "give its memory back, too, and keep everything on disk")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ release?: boolean }>(command);
      const box = await openClient(flags);
      const id = await sessionIdNamed(box, name);
      const info = await withSpinner("pausing", () => box.sessions.pause(id, { release: flags.release }));
      if (flags.json === true) printJson(info);
      else process.stdout.write(`${info.id}\t${info.status}\n`);
    });
  for (const [verb, description] of [
    ["resume", "Let a paused session go on where it stood"],
    ["close", "End a session, interrupting what runs in it; its records stay"],
    ["keepalive", "Count as activity, so that the session does not end as idle"],
  ] as const) {
    session
      .command(`${verb} <session>`)
      .description(description)
      .action(async (name: string, _options, command: Command) => {
        const flags = flagsOf(command);
        const box = await openClient(flags);
        const info = await box.sessions[verb](await sessionIdNamed(box, name));
        if (flags.json === true) printJson(info);
        else process.stdout.write(`${info.id}\t${info.status}\n`);
      });
  }
  session
    .command("delete <session>")
    .description("Remove a session, its files and its records")
    .option("-y, --yes", "do not ask")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ yes?: boolean }>(command);
      const box = await openClient(flags);
      const id = await sessionIdNamed(box, name);
      await confirmLoss(`Deleting session ${id}`, flags.yes);
      await box.sessions.delete(id);
      if (flags.json === true) printJson({ id, deleted: true });
      else process.stdout.write(`${id}\tdeleted\n`);
    });
}

function addEvents(session: Command): void {
  session
    .command("events <session>")
    .description("What happened to a session")
    .option("-f, --follow", "and what happens, until it ends")
    .option("--after <seq>", "only events after this one", integer(0))
    .option("--limit <n>", "events of one page (default 1000)", integer(1, 10_000))
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ follow?: boolean; after?: number; limit?: number }>(command);
      const box = await openClient(flags);
      const id = await sessionIdNamed(box, name);
      const page = (request: { afterSeq?: number; limit?: number }) => box.sessions.events(id, request);
      await showEvents(flags, { page, follow: (options) => box.sessions.follow(id, options) });
    });
}
