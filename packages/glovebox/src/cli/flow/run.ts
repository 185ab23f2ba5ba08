import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { FlowQuestion, FlowRun, FlowStart, Glovebox, RepositorySource } from "@glovebox/sdk";
import { type Command, Option } from "commander";
import { flagsOf, integer, list, pairs, secondsAsMs } from "../commands/options.ts";
import { runBudget } from "../commands/runs/start.ts";
import type { GlobalFlags } from "../connect.ts";
import { EXIT, ExitError, UsageError } from "../failure.ts";
import { openServer } from "../own-server.ts";
import { formatFor, printJson } from "../render/print.ts";
import { interruptedCode } from "../run/command.ts";
import { onInterrupt } from "../run/interrupt.ts";
import { askInTerminal } from "./ask.ts";
import { type Choice, chooseFlow, inputOf } from "./choice.ts";
import {
  applyToWorkingCopy,
  commitOnBranch,
  knownRepository,
  type LocalRepository,
  sendRepository,
} from "./repository.ts";
import { printFlowProblems, printOutcome, printPlan } from "./show.ts";
import { watchFlow } from "./watch.ts";

export interface FlowRunFlags extends GlobalFlags {
  readonly repo: string;
  readonly include?: readonly string[];
  readonly repository?: string;
  readonly ref?: string;
  readonly publish?: "branch" | "pull_request";
  readonly goal?: string;
  readonly spec?: string;
  readonly input?: Readonly<Record<string, string>>;
  readonly rounds?: number;
  readonly budget?: Readonly<Record<string, number>>;
  readonly timeout?: number;
  readonly model?: string;
  readonly template?: string;
  readonly isolation?: string;
  readonly snapshots?: boolean;
  readonly deterministic: boolean;
  readonly branch: string | boolean;
  readonly apply?: boolean;
  readonly dryRun?: boolean;
}

/** The options that a run and a dry run have in common. */
export function addInputOptions(command: Command): Command {
  return command
    .option("--goal <text>", "what is to be done, in words (feature-add)")
    .option("--spec <file>", "what is to be done, as JSON (feature-add)")
    .option("--input <name=value>", "another input of the flow; JSON where it is no text; can be repeated", pairs)
    .option("--rounds <n>", "how often it tries to make the tests pass", integer(1, 10))
    .option(
      "--budget <what=limit>",
      "what it may use: wallMs, tokens, dollars, toolCalls, sandboxSeconds; can be repeated",
      runBudget,
    );
}

export function addFlowRun(flow: Command): void {
  addInputOptions(
    flow
      .command("run <flow>")
      .description("Run a flow on a repository, by name, or from a .yaml or .ts file; needs no server"),
  )
    .option("--repo <dir>", "the repository: its working copy is sent, and not touched", ".")
    .option("--include <paths>", "ignored files and folders that come along, such as node_modules", list)
    .option("--repository <name>", "instead of a folder: one that the server knows, by its id or owner/name")
    .option("--ref <name>", "its branch, tag or commit (default: its default branch)")
    .addOption(
      new Option("--publish <what>", "push the change to that repository: `branch`, or also a `pull_request`").choices([
        "branch",
        "pull_request",
      ]),
    )
    .option("--timeout <seconds>", "end it after this long", secondsAsMs)
    .option("--model <name>", "the model that is asked; `none`: nobody, although the server has one")
    .option("--template <name>", "what the sandbox is made of (default: ci)")
    .option("--isolation <name>", "bubblewrap, gvisor, microvm, …")
    .option("--snapshots", "keep the repository's state after each step, for rollbacks")
    .option("--no-deterministic", "let the sandbox see the clock and the locale of the machine")
    .option("--branch <name>", "the branch for the change (default: named after it)")
    .option("--no-branch", "make no branch: the diff is all")
    .option("--apply", "apply the change to the working copy")
    .option("--dry-run", "show what it would do and may use, and run nothing")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<FlowRunFlags>(command);
      await runFlow(name, flags);
    });
}

async function runFlow(name: string, flags: FlowRunFlags): Promise<void> {
  const interrupt = onInterrupt();
  try {
    await using server = await openServer(flags, { name: "flow", settings: modulesOf(name) });
    const { box } = server;
    if (server.isOwn === false && isModule(name)) {
      throw new UsageError(
        "a server runs only the modules of its configuration",
        "name it in flows.modules, or end the server",
      );
    }
    const choice = await chooseFlow(box, name);
    const request = await requestOf(choice, flags);
    if (flags.dryRun === true) return await showPlan(box, name, request, flags);
    const known = flags.repository === undefined ? undefined : await knownRepository(box, flags.repository, flags.ref);
    const repository =
      choice.repository && known === undefined
        ? await sendRepository(box, flags.repo, flags.include ?? [], interrupt.signal)
        : undefined;
    const view = await start(
      box,
      { ...request, setup: setupOf(flags, known ?? repository?.source) },
      { flags, interrupt: interrupt.signal, isOwn: server.isOwn },
    );
    await finish(view, repository, flags);
    if (interrupt.signal.aborted) throw new ExitError(interruptedCode(interrupt.signal.reason));
    if (view.status !== "completed")
      throw new ExitError(view.error === undefined ? EXIT.failed : codeOf(view.error.code));
  } finally {
    interrupt.stop();
  }
}

/** Exit codes of runs that ended by force are those that the same error has anywhere. */
function codeOf(code: string): number {
  return code === "cancelled" ? interruptedCode(undefined) : EXIT.failed;
}

function isModule(name: string): boolean {
  return /\.(ts|mts|js|mjs)$/.test(name);
}

function modulesOf(name: string): Readonly<Record<string, unknown>> {
  return isModule(name) ? { "flows.modules": [resolve(name)] } : {};
}

export async function requestOf(
  { choice, schema }: Choice,
  flags: Pick<FlowRunFlags, "goal" | "spec" | "input" | "rounds" | "budget">,
): Promise<FlowStart> {
  const { goal, spec, rounds, budget } = flags;
  const input: Record<string, unknown> = { ...inputOf(flags.input ?? {}, schema) };
  if (goal !== undefined) input.goal = goal;
  if (spec !== undefined) input.spec = await readJson(spec);
  if (rounds !== undefined) input.rounds = rounds;
  return { ...choice, input, ...(budget !== undefined && { budget }) };
}

function setupOf(
  { model, template, isolation, snapshots, deterministic, publish }: FlowRunFlags,
  repository: RepositorySource | undefined,
): NonNullable<FlowStart["setup"]> {
  return {
    deterministic,
    ...(repository !== undefined && { repository }),
    ...(publish !== undefined && { publish }),
    ...(model !== undefined && { model }),
    ...(template !== undefined && { template }),
    ...(isolation !== undefined && { isolation: isolation as NonNullable<FlowStart["setup"]>["isolation"] }),
    ...(snapshots === true && { snapshots: "after_each_step" }),
  };
}

async function showPlan(box: Glovebox, name: string, request: FlowStart, flags: GlobalFlags): Promise<void> {
  const validation = await box.flows.validate(request);
  if (formatFor(flags) === "json") printJson(validation);
  else if (validation.plan !== undefined) printPlan(validation.plan);
  printFlowProblems(name, validation);
  if (!validation.ok) throw new ExitError(EXIT.usage);
}

async function start(
  box: Glovebox,
  request: FlowStart,
  {
    flags,
    interrupt,
    isOwn,
  }: { readonly flags: FlowRunFlags; readonly interrupt: AbortSignal; readonly isOwn: boolean },
): Promise<FlowRun> {
  interrupt.throwIfAborted();
  const { run } = await box.flows.start({
    ...request,
    ...(flags.timeout !== undefined && { timeoutMs: flags.timeout }),
  });
  const cancel = () => {
    process.stderr.write("ending; once more to end at once\n");
    // One that has ended meanwhile says so; nothing is left to do then.
    box.runs.cancel(run.id, "interrupted").catch(() => {});
  };
  interrupt.addEventListener("abort", cancel, { once: true });
  if (interrupt.aborted) cancel();
  const format = formatFor(flags);
  const onQuestion = async (question: FlowQuestion) => {
    const canAsk = format === "human" && process.stdin.isTTY === true;
    if (canAsk) await box.flows.answer(run.id, { question: question.id, ...(await askInTerminal(question)) });
    else if (!isOwn) process.stderr.write(`it asks: ${question.text}\nanswer with: glovebox flow answer ${run.id}\n`);
    else {
      await box.runs.cancel(run.id, `nobody can answer ${question.id} here`);
      process.stderr.write(
        "it asks somebody, and nobody can answer here: run it on a terminal, or on a server (glovebox up)\n",
      );
    }
  };
  // Not ended by the interrupt: what was cancelled still tells how it ended.
  return watchFlow(box, run.id, { format, signal: new AbortController().signal, onQuestion });
}

async function finish(view: FlowRun, repository: LocalRepository | undefined, flags: FlowRunFlags): Promise<void> {
  let branch: string | null = view.published === undefined ? null : view.branch;
  const isDone = view.status === "completed";
  if (repository !== undefined && isDone && flags.branch !== false) {
    const name = typeof flags.branch === "string" ? flags.branch : undefined;
    const made = await commitOnBranch(repository, view, name);
    branch = made.branch ?? null;
    if (made.why !== undefined) process.stderr.write(`${made.why}\n`);
  }
  if (repository !== undefined && isDone && flags.apply === true) await applyToWorkingCopy(repository, view);
  if (formatFor(flags) === "json") printJson(resultJson(view, branch));
  else printOutcome(view, branch);
}

/** What scripts read: fixed, whatever else a run comes to hold. */
export function resultJson(view: FlowRun, branch: string | null) {
  const { runId, status, steps, diff, tests, reason, suspects, published } = view;
  return {
    ...{ runId, status, steps, branch, diff, tests },
    ...(published !== undefined && { published }),
    ...(reason !== undefined && { reason }),
    ...(suspects !== undefined && { suspects }),
  };
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as unknown;
  } catch (error) {
    throw new UsageError(`--spec ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
