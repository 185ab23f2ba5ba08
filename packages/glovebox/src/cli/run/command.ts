import { type Execution, STATUS_EXIT_CODES, type StoredEvent } from "../../core/index.ts";
import { findServer } from "../connect.ts";
import { reportFailure, UsageError } from "../failure.ts";
import { parseRunArguments, type RunArguments } from "./arguments.ts";
import { InterruptedError, onInterrupt } from "./interrupt.ts";
import { loadProgram, type Runner } from "./program.ts";
import { BrokenPipe, writeFully } from "./program-output.ts";
import { showEvent } from "./show-event.ts";
import { stdinChunks, stdinIsGiven } from "./stdin.ts";

/** `glovebox run`: gives the exit code. */
export async function runCommand(words: readonly string[]): Promise<number> {
  const parsed = parseRunArguments(words);
  if (parsed.kind === "help") {
    const { RUN_HELP } = await import("./help.ts");
    await writeFully(1, Buffer.from(RUN_HELP));
    return 0;
  }
  if (parsed.kind === "error") {
    const json = words.includes("--json");
    return reportFailure(new UsageError(parsed.message, parsed.hint ?? "`glovebox run --help` tells more"), { json });
  }
  const interrupt = onInterrupt();
  try {
    return await runProgram(parsed.run, interrupt.signal);
  } catch (error) {
    if (error instanceof BrokenPipe) return 141; // as the shell counts a death by SIGPIPE
    if (interrupt.signal.aborted) return interruptedCode(interrupt.signal.reason);
    return reportFailure(error, { json: parsed.run.json });
  } finally {
    interrupt.stop();
  }
}

async function runProgram(run: RunArguments, interrupt: AbortSignal): Promise<number> {
  const program = await loadProgram(run);
  const runner = await chooseRunner(run);
  const stdin = run.source.kind !== "stdin" && stdinIsGiven() ? stdinChunks() : undefined;
  const events: StoredEvent[] = [];
  const output = run.json ? async (event: StoredEvent) => void events.push(event) : showEvent;
  const guarded = untilBroken(output);
  const execution = await runner(program, {
    signal: AbortSignal.any([interrupt, guarded.broken]),
    onEvent: guarded.onEvent,
    ...(stdin !== undefined && { stdin }),
  });
  if (guarded.broken.aborted) throw guarded.broken.reason;
  if (run.json) await writeFully(1, Buffer.from(`${JSON.stringify({ execution, events })}\n`));
  return interrupt.aborted ? interruptedCode(interrupt.reason) : exitCodeOf(execution);
}

/** Shows events until one cannot be shown (nobody reads any more): then the program is cancelled and the rest is dropped. */
function untilBroken(show: (event: StoredEvent) => Promise<void>): {
  readonly broken: AbortSignal;
  readonly onEvent: (event: StoredEvent) => Promise<void>;
} {
  const controller = new AbortController();
  return {
    broken: controller.signal,
    onEvent: async (event) => {
      if (controller.signal.aborted) return;
      try {
        await show(event);
      } catch (error) {
        controller.abort(error);
      }
    },
  };
}

/** The server that the user names; else the one that runs on this machine; else this process. */
async function chooseRunner(run: RunArguments): Promise<Runner> {
  const address = run.local ? undefined : findServer(run);
  if (address !== undefined) {
    const { answers, serverRunner } = await import("./server-run.ts");
    if (address.origin === "named" || (await answers(address))) return serverRunner(address);
  }
  const { localRunner } = await import("./local-run.ts");
  return localRunner();
}

/** The program's own code, or the one that its status stands for. */
export function exitCodeOf(execution: Pick<Execution, "status" | "exitCode">): number {
  if (execution.exitCode !== undefined) return execution.exitCode & 0xff;
  const codes: Readonly<Record<string, number>> = STATUS_EXIT_CODES;
  return codes[execution.status] ?? 1;
}

export function interruptedCode(reason: unknown): number {
  const signal = reason instanceof InterruptedError ? reason.signal : "SIGINT";
  return signal === "SIGTERM" ? 143 : signal === "SIGHUP" ? 129 : 130;
}
