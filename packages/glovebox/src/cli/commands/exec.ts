import type { ExecutionFilter, ExecutionInfo, ExecutionInput, Glovebox } from "@glovebox/sdk";
import type { Command } from "commander";
import type { StoredEvent } from "../../core/index.ts";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { showEvents } from "../render/event-lines.ts";
import { formatFor, printJson } from "../render/print.ts";
import { agoText, durationText } from "../render/units.ts";
import { languageNamed } from "../run/arguments.ts";
import { flagsOf, integer, list, pairs, secondsAsMs } from "./options.ts";
import { addPaging, type PagingFlags, printPages } from "./paging.ts";
import { sessionIdNamed, sessionNamed } from "./session-reference.ts";

interface ExecFlags {
  readonly eval?: string;
  readonly file?: string;
  readonly lang?: string;
  readonly background?: boolean;
  readonly queue?: boolean;
  readonly timeout?: number;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly require?: readonly string[];
}

export function addExec(program: Command): void {
  const exec = program
    .command("exec")
    .alias("execution")
    .argument("[session]", "its id or key")
    .argument("[argv...]", "a program and its arguments, after `--`")
    .description("Run something in a session, or look at what ran: exec SESSION -- ls -l, exec SESSION -e 'x + 1'")
    .option("-e, --eval <code>", "code for the session's REPL, whose state stays")
    .option("--file <path>", "a file of the workspace")
    .option("-l, --lang <name>", "the language of the code, where the session has several")
    .option("--background", "a program that does not take the session's turn; prints the execution's id and returns")
    .option("--queue", "wait for one's turn when the session is busy")
    .option("--timeout <seconds>", "stop it after this long (exit code 124)", secondsAsMs)
    .option("--cwd <dir>", "where it runs")
    .option("--env <name=value>", "an environment variable; can be repeated", pairs)
    .option(
      "--require <package>",
      "installed first, such as lodash@4.17.21; can be repeated",
      (one, before: string[] = []) => [...before, one],
    )
    .action(async (session: string | undefined, argv: string[], _options, command: Command) => {
      if (session === undefined)
        throw new UsageError("which session?", "exec SESSION -- PROGRAM, or exec SESSION -e CODE");
      const flags = flagsOf<ExecFlags>(command);
      await execute(flags, session, inputOf(flags, argv));
    });
  addList(exec);
  addOne(exec);
}

function inputOf(flags: ExecFlags, argv: readonly string[]): ExecutionInput {
  const language = flags.lang === undefined ? undefined : languageNamed(flags.lang);
  if (flags.lang !== undefined && language === undefined) throw new UsageError(`unknown language '${flags.lang}'`);
  const common = {
    language,
    env: flags.env,
    cwd: flags.cwd,
    limits: flags.timeout === undefined ? undefined : { wallMs: flags.timeout },
    onBusy: flags.queue === true ? ("queue" as const) : undefined,
    requirements: flags.require,
  };
  if (flags.eval !== undefined) {
    if (argv.length > 0) throw new UsageError("-e and a program exclude each other");
    return { ...common, kind: "repl", input: flags.eval };
  }
  if (flags.file !== undefined) return { ...common, kind: "run_file", path: flags.file, args: argv };
  if (argv.length === 0) throw new UsageError("nothing to run", "a program after `--`, or -e CODE");
  return { ...common, kind: "command", argv, background: flags.background };
}

async function execute(
  flags: ExecFlags & Parameters<typeof openClient>[0],
  name: string,
  input: ExecutionInput,
): Promise<void> {
  const session = await sessionNamed(await openClient(flags), name);
  if (flags.background === true) {
    const { info } = await session.start({ ...input, stdin: "" });
    if (flags.json === true) printJson({ execution: info });
    else process.stdout.write(`${info.id}\n`);
    return;
  }
  const { stdinChunks, stdinIsGiven } = await import("../run/stdin.ts");
  const { onInterrupt } = await import("../run/interrupt.ts");
  const { attend } = await import("../run/server-execution.ts");
  const { exitCodeOf, interruptedCode } = await import("../run/command.ts");
  const { showResult } = await import("../repl/show-result.ts");
  const interrupt = onInterrupt();
  try {
    const stdin = session.info.isolation !== "isolate" && stdinIsGiven() ? stdinChunks() : undefined;
    const execution = await session.start({ ...input, stdin: stdin === undefined ? "" : undefined });
    const events: StoredEvent[] = [];
    const onEvent = flags.json === true ? async (event: StoredEvent) => void events.push(event) : showResult();
    const done = await attend(execution, { signal: interrupt.signal, onEvent, ...(stdin !== undefined && { stdin }) });
    if (flags.json === true) printJson({ execution: done, events });
    process.exitCode = interrupt.signal.aborted ? interruptedCode(interrupt.signal.reason) : exitCodeOf(done);
  } finally {
    interrupt.stop();
    // A stdin that nobody closes would keep this process waiting for it.
    process.stdin.destroy();
  }
}

function addList(exec: Command): void {
  addPaging(exec.command("list").description("List executions, newest first"))
    .option("--session <session>", "only those of this session (id or key)")
    .option("--kind <kind>", "startup, repl, run_file, command", list)
    .option("--status <status>", "queued, running, ok, error, timeout, …", list)
    .option("--language <name>", "only those in this language")
    .option("--since <time>", "created at or after (RFC 3339)")
    .option("--until <time>", "created before (RFC 3339)")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<
        PagingFlags & Omit<ExecutionFilter, "sessionId" | "limit" | "cursor"> & { session?: string }
      >(command);
      const box = await openClient(flags);
      const { kind, status, language, since, until, session } = flags;
      const sessionId = session === undefined ? undefined : await sessionIdNamed(box, session);
      const filter = { kind, status, language, since, until, sessionId };
      await printPages<ExecutionInfo>(flags, (page) => box.executions.list({ ...page, ...filter }), {
        format: formatFor(flags),
        empty: "no executions",
        columns: [
          { title: "ID", value: ({ id }) => id },
          { title: "STATUS", value: (item) => item.status },
          { title: "CODE", value: ({ exitCode }) => (exitCode === undefined ? "" : String(exitCode)) },
          { title: "KIND", value: (item) => item.kind },
          { title: "LANGUAGE", value: (item) => item.language ?? "" },
          { title: "TOOK", value: ({ endedAt, metrics }) => (endedAt ? durationText(metrics.durationMs) : "") },
          { title: "CREATED", value: ({ createdAt }) => agoText(createdAt) },
          { title: "WHAT", value: (item) => whatText(item).slice(0, 40) },
        ],
      });
    });
}

function whatText({ argv, path, input }: ExecutionInfo): string {
  return argv?.join(" ") ?? path ?? input ?? "";
}

function addOne(exec: Command): void {
  const show = async (flags: { readonly json?: boolean | undefined }, info: ExecutionInfo) => {
    const { printExecution } = await import("../render/execution.ts");
    printExecution(info, formatFor(flags));
  };
  exec
    .command("get <execution>")
    .description("Show an execution")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      await show(flags, await (await openClient(flags)).executions.get(id));
    });
  exec
    .command("cancel <execution>")
    .description("Stop an execution and everything it started; returns when it is over")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      await show(flags, await (await openClient(flags)).executions.cancel(id));
    });
  exec
    .command("events <execution>")
    .description("What happened in an execution")
    .option("-f, --follow", "and what happens, until it is over")
    .option("--after <seq>", "only events after this one", integer(0))
    .option("--limit <n>", "events of one page (default 1000)", integer(1, 10_000))
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ follow?: boolean; after?: number; limit?: number }>(command);
      const box = await openClient(flags);
      const page = (request: { afterSeq?: number; limit?: number }) => box.executions.events(id, request);
      await showEvents(flags, { page, follow: (options) => box.executions.follow(id, options) });
    });
  exec
    .command("stdin <execution>")
    .description("Send this command's stdin to an execution")
    .option("--keep-open", "more will come: do not close its stdin after it")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ keepOpen?: boolean }>(command);
      await sendStdin(await openClient(flags), id, flags.keepOpen === true);
      if (flags.json === true) printJson({ id, closed: flags.keepOpen !== true });
    });
}

async function sendStdin(box: Glovebox, id: string, keepOpen: boolean): Promise<void> {
  for await (const chunk of process.stdin) {
    const bytes = chunk as Uint8Array;
    for (let at = 0; at < bytes.length; at += 524_288) await box.executions.stdin(id, bytes.subarray(at, at + 524_288));
  }
  if (!keepOpen) await box.executions.stdin(id, undefined, { close: true });
}
