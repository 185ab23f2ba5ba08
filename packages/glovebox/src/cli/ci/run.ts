import { relative, resolve } from "node:path";
import { Readable } from "node:stream";
import type { CiRun, CiStart, Glovebox } from "@glovebox/sdk";
import type { Command } from "commander";
import { flagsOf, pairs } from "../commands/options.ts";
import type { GlobalFlags } from "../connect.ts";
import { EXIT, ExitError, UsageError } from "../failure.ts";
import { openServer } from "../own-server.ts";
import { formatFor, printJson } from "../render/print.ts";
import { interruptedCode } from "../run/command.ts";
import { onInterrupt } from "../run/interrupt.ts";
import { checkoutRoot } from "./checkout.ts";
import { dryRun } from "./dry-run.ts";
import { factsOf, packCheckout } from "./pack-checkout.ts";
import { resultJson, watchRuns } from "./watch-runs.ts";

export interface CiRunFlags extends GlobalFlags {
  readonly event: string;
  readonly ref?: string;
  readonly job?: string;
  readonly matrix?: Readonly<Record<string, string>>;
  readonly input?: Readonly<Record<string, string>>;
  readonly secret?: readonly string[];
  readonly var?: Readonly<Record<string, string>>;
  readonly dryRun?: boolean;
  readonly logs?: boolean;
}

export function addCiRun(ci: Command): void {
  ci.command("run [files...]")
    .description("Run the workflows of this checkout as a push would, or the named ones; needs no server")
    .option("-e, --event <name>", "what has happened: push, pull_request, workflow_dispatch, …", "push")
    .option("--ref <ref>", "where it happened (default: the branch that is checked out)")
    .option("-j, --job <id>", "only this job and what it needs")
    .option("-m, --matrix <name=value>", "only the combinations with this value; can be repeated", pairs)
    .option("--input <name=value>", "an input of workflow_dispatch or workflow_call; can be repeated", pairs)
    .option("--secret <name[=value]>", "a secret; without a value from the environment; can be repeated", collect)
    .option("--var <name=value>", "a variable (`vars`); can be repeated", pairs)
    .option("--dry-run", "show what would run, and run nothing")
    .option("--logs", "show what steps print instead of a tree")
    .action(async (files: string[], _options, command: Command) => {
      const flags = flagsOf<CiRunFlags>(command);
      const root = checkoutRoot(".");
      const named = files.map((file) => relative(root, resolve(file)));
      if (flags.dryRun === true) return dryRun(root, named, flags);
      await runCheckout(root, named, flags);
    });
}

async function runCheckout(root: string, files: readonly string[], flags: CiRunFlags): Promise<void> {
  const format = formatFor(flags);
  const secrets = secretsOf(flags.secret ?? []);
  const interrupt = onInterrupt();
  try {
    await using server = await openServer(flags, { name: "ci" });
    const { box } = server;
    const begun = await begin(box, root, { files, secrets, flags });
    if (begun.length === 0) return nothing(flags, format === "json");
    const cancel = () => void cancelAll(box, begun);
    interrupt.signal.addEventListener("abort", cancel, { once: true });
    if (interrupt.signal.aborted) cancel();
    // Not ended by the interrupt: what was cancelled still tells how it ended.
    const signal = new AbortController().signal;
    const ended = await watchRuns(box, begun, { format, logs: flags.logs === true, signal });
    if (format === "json") printJson(resultJson(ended));
    else if (!server.isOwn)
      for (const { id } of ended) process.stderr.write(`look at it with: glovebox ci show ${id}\n`);
    if (ended.some(({ conclusion }) => conclusion === "failure")) throw new ExitError(EXIT.failed);
    if (interrupt.signal.aborted) throw new ExitError(interruptedCode(interrupt.signal.reason));
    if (ended.some(({ conclusion }) => conclusion === "cancelled")) throw new ExitError(EXIT.failed);
  } finally {
    interrupt.stop();
  }
}

async function begin(
  box: Glovebox,
  root: string,
  given: {
    readonly files: readonly string[];
    readonly secrets: Readonly<Record<string, string>>;
    readonly flags: CiRunFlags;
  },
): Promise<readonly CiRun[]> {
  const { files, secrets, flags } = given;
  const facts = await factsOf(root);
  const tar = Readable.toWeb(Readable.from(packCheckout(root))) as ReadableStream<Uint8Array>;
  const { id } = await box.ci.upload(tar);
  const request: CiStart = {
    source: { kind: "archive", id },
    ...(facts.repository !== undefined && { repository: facts.repository }),
    ...(files.length > 0 && { workflows: files }),
    event: { name: flags.event, ref: refOf(flags.ref) ?? facts.ref, sha: facts.sha },
    inputs: flags.input,
    secrets,
    vars: flags.var,
    job: flags.job,
    matrix: flags.matrix,
  };
  return (await box.ci.start(request)).items;
}

function nothing(flags: CiRunFlags, json: boolean): void {
  if (json) printJson({ workflows: [] });
  else process.stderr.write(`no workflow is started by ${flags.event} here; name one to run it anyway\n`);
}

async function cancelAll(box: Glovebox, runs: readonly CiRun[]): Promise<void> {
  process.stderr.write("ending; once more to end at once\n");
  // One that has ended meanwhile says so; nothing is left to do then.
  await Promise.allSettled(runs.map(({ id }) => box.ci.cancel(id, "interrupted")));
}

/** A branch may be given by its short name. */
export function refOf(ref: string | undefined): string | undefined {
  return ref === undefined || ref.startsWith("refs/") ? ref : `refs/heads/${ref}`;
}

export function secretsOf(given: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf("=");
      const name = at === -1 ? text : text.slice(0, at);
      const value = at === -1 ? process.env[name] : text.slice(at + 1);
      if (value === undefined || value === "") {
        throw new UsageError(
          `the secret ${name} has no value`,
          `give --secret ${name}=VALUE, or set ${name} in the environment`,
        );
      }
      return [name, value];
    }),
  );
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
