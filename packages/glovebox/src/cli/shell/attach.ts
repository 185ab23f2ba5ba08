import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError, type Session, type Terminal, type TerminalEnd } from "@glovebox/sdk";
import { writeFully } from "../run/program-output.ts";

/** How often a lost connection is taken up again before giving up. */
const MAX_RETRIES = 8;

/**
 * Joins this terminal with one in the session until that ends; gives its exit code. A lost connection is taken up again where it
 * broke. The terminal is always given back as it was.
 */
export async function attachTerminal(session: Session, argv: readonly string[] | undefined): Promise<number> {
  const { stdin, stdout } = process;
  let terminal = await session.terminal({ rows: stdout.rows, columns: stdout.columns, argv });
  const onInput = (data: Buffer) => terminal.write(data);
  const onResize = () => terminal.resize(stdout.rows, stdout.columns);
  const restore = () => stdin.setRawMode(false);
  process.once("exit", restore);
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on("data", onInput);
  stdout.on("resize", onResize);
  try {
    for (;;) {
      for await (const chunk of terminal) await writeFully(1, chunk);
      const end = await terminal.ended;
      if (end.kind !== "lost") return exitCodeOf(end);
      terminal = await takeUpAgain(session, terminal);
      onResize();
    }
  } finally {
    stdin.off("data", onInput);
    stdout.off("resize", onResize);
    restore();
    process.off("exit", restore);
    stdin.pause();
    stdin.unref();
    terminal.close();
  }
}

async function takeUpAgain(session: Session, { executionId, seq }: Terminal): Promise<Terminal> {
  let last: unknown;
  for (let attempt = 0; attempt < MAX_RETRIES; attempt += 1) {
    await sleep(Math.min(2000, 100 * 2 ** attempt));
    try {
      return await session.terminal({ executionId, afterSeq: seq });
    } catch (error) {
      last = error;
    }
  }
  const message = "the connection to the terminal is lost; what runs in it may go on";
  throw new GloveboxError("unavailable", message, { cause: last });
}

function exitCodeOf(end: Exclude<TerminalEnd, { readonly kind: "lost" }>): number {
  if (end.kind === "error") throw end.error;
  return end.exitCode ?? 1;
}
