import type { RolledBackRun, RunFork } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../../connect.ts";
import { UsageError } from "../../failure.ts";
import { formatFor, printJson } from "../../render/print.ts";
import { printableLine } from "../../render/printable.ts";
import { printRun } from "../../render/run.ts";
import { confirmLoss } from "../confirm.ts";
import { flagsOf } from "../options.ts";
import { jsonArgument } from "./json-argument.ts";

export function addChange(runs: Command): void {
  addSignal(runs);
  addCancelAndResume(runs);
  addRollback(runs);
  addFork(runs);
  runs
    .command("delete <run>")
    .description("Remove a run that has ended, with its journal")
    .option("-y, --yes", "do not ask")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ yes?: boolean }>(command);
      await confirmLoss(`Deleting run ${id}`, flags.yes);
      await (await openClient(flags)).runs.delete(id);
      if (flags.json === true) printJson({ id, deleted: true });
      else process.stdout.write(`${id}\tdeleted\n`);
    });
}

function addSignal(runs: Command): void {
  runs
    .command("signal <run> <name>")
    .description("Send a signal to a run; one that nobody waits for is kept until somebody does")
    .option("--payload <json>", "what it brings: JSON, @FILE, or - for stdin")
    .action(async (id: string, name: string, _options, command: Command) => {
      const flags = flagsOf<{ payload?: string }>(command);
      const payload = flags.payload === undefined ? undefined : await jsonArgument(flags.payload, "--payload");
      await (await openClient(flags)).runs.signal(id, name, payload);
      if (flags.json === true) printJson({ id, signal: name, sent: true });
      else process.stdout.write(`${id}\tsent\n`);
    });
}

function addCancelAndResume(runs: Command): void {
  runs
    .command("cancel <run>")
    .description("Ask a run to end: its work is stopped and what it did is compensated")
    .option("--reason <text>", "kept in the journal")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ reason?: string }>(command);
      printRun(await (await openClient(flags)).runs.cancel(id, flags.reason), formatFor(flags));
    });
  runs
    .command("resume <run>")
    .description("Take up a run that stopped without an end, once its program is known or its journal is whole again")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      printRun(await (await openClient(flags)).runs.resume(id), formatFor(flags));
    });
}

function addRollback(runs: Command): void {
  runs
    .command("rollback <run>")
    .description("Take a run back to before a step and let it go on from there; what was spent stays spent")
    .requiredOption("--step <path>", "the step, as `runs show` has it: test, parallel/unit/test")
    .option("--reason <text>", "kept in the journal")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ step: string; reason?: string }>(command);
      const run = await (await openClient(flags)).runs.rollback(id, flags.step, flags.reason);
      printRun(run, formatFor(flags));
      if (formatFor(flags) !== "json") warnOfKept(run);
    });
}

/** What stays although the run that wrote it was taken back is no failure, but nobody should miss it. */
function warnOfKept({ restored }: RolledBackRun): void {
  const { kept = 0, conflicts = [] } = restored?.context ?? {};
  for (const { scope, path, id, version, reason } of conflicts) {
    const why = reason === "changed_since" ? "somebody else wrote after the run" : "what was before is forgotten";
    const line = `kept: ${scope} ${path ?? id} at version ${version}: ${why}`;
    process.stderr.write(`${printableLine(line)}\n`);
  }
  if (kept > conflicts.length) process.stderr.write(`kept: ${kept - conflicts.length} more\n`);
}

function addFork(runs: Command): void {
  runs
    .command("fork <run>")
    .description("Start a run that has another one's history up to a step: what if that step had got something else?")
    .requiredOption("--step <path>", "the step, as `runs show` has it")
    .option("--input <json>", "what the step gets instead: JSON, @FILE, or - for stdin")
    .option("--patch <json>", "what changes of its input, a merge patch (RFC 7396): JSON, @FILE, or -")
    .option("--model <name>", "the same as --patch '{\"model\": NAME}'")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ step: string; input?: string; patch?: string; model?: string }>(command);
      const fork = { step: flags.step, ...(await changeOf(flags)) };
      const { run } = await (await openClient(flags)).runs.fork(id, fork);
      if (flags.json === true) printJson({ run });
      else process.stdout.write(`${run.id}\n`);
    });
}

async function changeOf(flags: { input?: string; patch?: string; model?: string }): Promise<Omit<RunFork, "step">> {
  const { input, patch, model } = flags;
  if ([input, patch, model].filter((given) => given !== undefined).length > 1) {
    throw new UsageError("give one of --input, --patch and --model");
  }
  if (input !== undefined) return { input: await jsonArgument(input, "--input") };
  if (patch !== undefined) return { patch: await jsonArgument(patch, "--patch") };
  return model === undefined ? {} : { patch: { model } };
}
