import { parentPort } from "node:worker_threads";
import { type ErrorBody, GloveboxError, toGloveboxError } from "../../core/index.ts";

/** What threads can be asked for, by name: functions of plain data, whose answers are plain data. */
export type Readings = Readonly<Record<string, (asked: never) => unknown>>;

export interface Request {
  readonly kind: string;
  readonly asked: unknown;
}

export type Reply =
  | { readonly ok: true; readonly answer: unknown }
  /** `spent`: the thread is to be ended, because what it reads with may be in no order any more. */
  | { readonly ok: false; readonly error: ErrorBody; readonly spent: boolean };

/** The thread's own side: answers one request after the other out of the table. */
export function serveReadings(readings: Readings): void {
  parentPort?.on("message", async (request: Request) => parentPort?.postMessage(await answer(readings, request)));
}

async function answer(readings: Readings, { kind, asked }: Request): Promise<Reply> {
  try {
    const read = readings[kind] as ((asked: unknown) => unknown) | undefined;
    if (read === undefined) throw new Error(`nobody reads '${kind}'`);
    return { ok: true, answer: await read(asked) };
  } catch (error) {
    const spent = isTrap(error);
    return { ok: false, error: (spent ? tooMuch(error) : toGloveboxError(error)).toBody(), spent };
  }
}

/** Parsers in WebAssembly trap, or use up the stack, on code that nests too deep for them; their memory is then as the moment left it. */
export function isTrap(error: unknown): boolean {
  // The class itself, `WebAssembly.RuntimeError`, is not in Node's types.
  return error instanceof RangeError || (error instanceof Error && error.name === "RuntimeError");
}

function tooMuch(cause: unknown): GloveboxError {
  return new GloveboxError("payload_too_large", "the text is too much for what reads it: it nests too deep", {
    cause,
    details: { limit: "depth" },
  });
}
