import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { openClient } from "../../connect.ts";
import { formatFor, printJson } from "../../render/print.ts";
import { withSpinner } from "../../render/progress.ts";
import { flagsOf, secondsAsMs } from "../options.ts";
import { jsonArgument } from "./json-argument.ts";
import { showOutcome } from "./outcome.ts";

interface StartFlags {
  readonly input?: string;
  readonly programVersion?: string;
  readonly priority?: number;
  readonly timeout?: number;
  readonly budget?: Readonly<Record<string, number>>;
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
}

const LIMITS = ["wallMs", "tokens", "dollars", "toolCalls", "sandboxSeconds"];

export function addStart(runs: Command): void {
  runs
    .command("start <program>")
    .description("Start a program; prints the run's id, or with --wait its output when it has ended")
    .option("--input <json>", "its input: JSON, @FILE, or - for stdin")
    .option("--program-version <version>", "of the program; default: the one that was registered last")
    .option("--priority <n>", "higher goes first among what is due: -1000 to 1000, default 0", priority)
    .option("--timeout <seconds>", "end it after this long, downtime included", secondsAsMs)
    .option("--budget <what=limit>", `what it may use: ${LIMITS.join(", ")}; can be repeated`, runBudget)
    .option("--idempotency-key <key>", "starting again with this key gives the first run")
    .option("--wait", "wait for its end; Ctrl-C only ends the waiting")
    .action(async (program: string, _options, command: Command) => {
      const flags = flagsOf<StartFlags>(command);
      const input = flags.input === undefined ? {} : { input: await jsonArgument(flags.input, "--input") };
      const { programVersion: version, priority, timeout: timeoutMs, budget, idempotencyKey } = flags;
      const box = await openClient(flags);
      const { run } = await box.runs.start(
        { program, version, ...input, priority, timeoutMs, budget },
        { idempotencyKey },
      );
      if (flags.wait === true) {
        const result = await withSpinner(`run ${run.id}`, () => box.runs.wait(run.id));
        return showOutcome(result, formatFor(flags));
      }
      if (flags.json === true) printJson({ run });
      else process.stdout.write(`${run.id}\n`);
      if (process.stderr.isTTY === true) process.stderr.write(`look at it with: glovebox runs show ${run.id}\n`);
    });
}

function priority(text: string): number {
  const value = Number(text);
  if (/^-?\d{1,4}$/.test(text) && Math.abs(value) <= 1000) return value;
  throw new InvalidArgumentError("it must be a whole number from -1000 to 1000.");
}

/** `WHAT=LIMIT`, repeatable. */
export function runBudget(
  text: string,
  before: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const [what = "", limit = ""] = text.split("=", 2);
  if (!LIMITS.includes(what) || !/^\d+(\.\d+)?$/.test(limit)) {
    throw new InvalidArgumentError(`it must be WHAT=NUMBER, with one of ${LIMITS.join(", ")}.`);
  }
  return { ...before, [what]: Number(limit) };
}
