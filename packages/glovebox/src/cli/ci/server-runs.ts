import type { CiConclusion, CiRun, CiRunFilter, CiStatus } from "@glovebox/sdk";
import type { Command } from "commander";
import { flagsOf, list, pairs } from "../commands/options.ts";
import { addPaging, type PagingFlags, printPages } from "../commands/paging.ts";
import { openClient } from "../connect.ts";
import { EXIT, ExitError, UsageError } from "../failure.ts";
import { ciTreeLines } from "../render/ci-tree.ts";
import { coloursFor } from "../render/colours.ts";
import { formatFor, printJson } from "../render/print.ts";
import { agoText, durationText } from "../render/units.ts";
import { onInterrupt } from "../run/interrupt.ts";
import { refOf } from "./run.ts";
import { linePrinter, resultJson, watchRuns } from "./watch-runs.ts";

/** The commands that look at a server's runs of workflows, and change them. */
export function addServerRuns(ci: Command): void {
  addRuns(ci);
  addShow(ci);
  addLogs(ci);
  addAgain(ci);
  addCancel(ci);
  addDebug(ci);
  addDispatch(ci);
}

interface RunsFlags extends PagingFlags {
  readonly repo?: string;
  readonly workflow?: string;
  readonly event?: string;
  readonly branch?: string;
  readonly sha?: string;
  readonly status?: readonly CiStatus[];
  readonly conclusion?: readonly CiConclusion[];
}

function addRuns(ci: Command): void {
  addPaging(ci.command("runs").description("List the server's runs of workflows, newest first"))
    .option("--repo <owner/name>", "only of this repository")
    .option("--workflow <path>", "only of this workflow file")
    .option("--event <name>", "only those that it started")
    .option("--branch <name>", "only on this branch")
    .option("--sha <commit>", "only of this commit")
    .option("--status <status>", "queued, in_progress, completed", list)
    .option("--conclusion <conclusion>", "success, failure, cancelled, skipped", list)
    .action(async (_options, command: Command) => {
      const flags = flagsOf<RunsFlags>(command);
      const { repo: repository, workflow, event, branch, sha, status, conclusion } = flags;
      const box = await openClient(flags);
      const filter: CiRunFilter = { repository, workflow, event, ref: refOf(branch), sha, status, conclusion };
      await printPages<CiRun>(flags, (page) => box.ci.list({ ...page, ...filter }), {
        format: formatFor(flags),
        empty: "no runs of workflows",
        columns: [
          { title: "ID", value: ({ id }) => id },
          { title: "WORKFLOW", value: ({ title, number }) => `${title} #${number}` },
          { title: "REPOSITORY", value: ({ repository: name }) => name },
          { title: "EVENT", value: (run) => run.event.name },
          { title: "REF", value: (run) => run.event.ref.replace(/^refs\/(heads|tags)\//, "") },
          { title: "RESULT", value: (run) => run.conclusion ?? run.status },
          { title: "CREATED", value: ({ createdAtMs }) => agoText(new Date(createdAtMs).toISOString()) },
          {
            title: "TOOK",
            value: ({ createdAtMs, endedAtMs }) =>
              endedAtMs === undefined ? "" : durationText(endedAtMs - createdAtMs),
          },
        ],
      });
    });
}

function addShow(ci: Command): void {
  ci.command("show <run>")
    .description("Show a run's jobs and steps; exit code 1 when it has failed")
    .option("--watch", "go on until it is completed; Ctrl-C only ends the looking")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ watch?: boolean }>(command);
      const box = await openClient(flags);
      const format = formatFor(flags);
      let run = await box.ci.get(id);
      if (flags.watch === true) {
        const interrupt = onInterrupt();
        try {
          run = (await watchRuns(box, [run], { format, logs: false, signal: interrupt.signal }))[0] ?? run;
        } finally {
          interrupt.stop();
        }
      }
      if (format === "json") printJson(run);
      else if (flags.watch !== true) printTree([run]);
      if (run.conclusion === "failure") throw new ExitError(EXIT.failed);
    });
}

function printTree(runs: readonly CiRun[]): void {
  const style = { colours: coloursFor(process.stdout), nowMs: Date.now() };
  for (const line of ciTreeLines(runs, style)) process.stdout.write(`${line}\n`);
}

function addLogs(ci: Command): void {
  ci.command("logs <run>")
    .description("Print what a run's steps said, and say until it is completed")
    .option("-j, --job <job>", "only this job's, by key, id or name")
    .option("--no-follow", "end with what is there")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ job?: string; follow: boolean }>(command);
      const box = await openClient(flags);
      const { job, follow } = flags;
      const printer = linePrinter((name) => name);
      for await (const line of box.ci.logs(id, { job, follow })) {
        if (flags.json === true) process.stdout.write(`${JSON.stringify(line)}\n`);
        else printer.take(line);
      }
      printer.end();
    });
}

function addAgain(ci: Command): void {
  ci.command("rerun <run>")
    .description("Run it again as another attempt; prints its id")
    .option("--failed", "only what did not succeed, and what depends on it")
    .option("-j, --job <job>", "only this job, and what depends on it")
    .option("--watch", "show it until it is completed")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ failed?: boolean; job?: string; watch?: boolean }>(command);
      const box = await openClient(flags);
      await told(command, box, [await box.ci.rerun(id, { failedOnly: flags.failed, job: flags.job })]);
    });
  ci.command("retry <run>")
    .description("Let a failed run go on from the failed step, in the state before that step")
    .option("-j, --job <job>", "the job, where several have failed")
    .option("--watch", "show it until it is completed")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ job?: string }>(command);
      const box = await openClient(flags);
      await told(command, box, [await box.ci.retry(id, flags.job)]);
    });
}

/** Ends a command that has begun runs. */
async function told(
  command: Command,
  box: Awaited<ReturnType<typeof openClient>>,
  runs: readonly CiRun[],
): Promise<void> {
  const flags = flagsOf<{ watch?: boolean }>(command);
  const format = formatFor(flags);
  if (flags.watch !== true) {
    if (format === "json") printJson({ runs: runs.map(({ id }) => id) });
    else for (const { id } of runs) process.stdout.write(`${id}\n`);
    return;
  }
  const interrupt = onInterrupt();
  try {
    const ended = await watchRuns(box, runs, { format, logs: false, signal: interrupt.signal });
    if (format === "json") printJson(resultJson(ended));
    if (ended.some(({ conclusion }) => conclusion !== "success" && conclusion !== "skipped"))
      throw new ExitError(EXIT.failed);
  } finally {
    interrupt.stop();
  }
}

function addCancel(ci: Command): void {
  ci.command("cancel <run>")
    .description("Ask a run to end; steps that ask for it still run")
    .option("--reason <text>", "kept with the run")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ reason?: string }>(command);
      const run = await (await openClient(flags)).ci.cancel(id, flags.reason);
      if (flags.json === true) printJson(run);
    });
}

function addDebug(ci: Command): void {
  ci.command("debug <run> <job>")
    .description("Open a shell in the state at which a job failed; --json only prints the session")
    .action(async (id: string, job: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const box = await openClient(flags);
      const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
      if (flags.json !== true && !isTerminal) {
        throw new UsageError(
          "a shell needs a terminal on stdin and stdout",
          "--json prints the session's id, for `glovebox exec`",
        );
      }
      const { sessionId } = await box.ci.debug(id, job);
      if (flags.json === true) return printJson({ sessionId });
      const session = await box.sessions.get(sessionId);
      try {
        const { attachTerminal } = await import("../shell/attach.ts");
        process.exitCode = await attachTerminal(session, undefined);
      } finally {
        await session.close().catch(() => {}); // else its idle limit closes it
      }
    });
}

function addDispatch(ci: Command): void {
  ci.command("dispatch <repository> <workflow>")
    .description("Start a workflow of a repository that the server knows, by the repository's id; prints the run's id")
    .option("-e, --event <name>", "workflow_dispatch or repository_dispatch", "workflow_dispatch")
    .option("--ref <ref>", "branch, tag or full ref (default: the default branch)")
    .option("--input <name=value>", "an input; can be repeated", pairs)
    .option("--watch", "show it until it is completed")
    .action(async (repositoryId: string, workflow: string, _options, command: Command) => {
      const flags = flagsOf<{ event: string; ref?: string; input?: Readonly<Record<string, string>> }>(command);
      const box = await openClient(flags);
      const path = workflow.includes("/") ? workflow : `.github/workflows/${workflow}`;
      const { items } = await box.ci.start({
        source: { kind: "repository", repositoryId },
        workflows: [path],
        event: { name: flags.event, ref: refOf(flags.ref) },
        inputs: flags.input,
      });
      await told(command, box, items);
    });
}
