import { parentPort } from "node:worker_threads";
import { type ErrorBody, toGloveboxError } from "../../core/index.ts";

/** What threads can be asked for, by name: functions of plain data, whose answers are plain data. */
export type Readings = Readonly<Record<string, (asked: never) => unknown>>;

export interface Request {
  readonly kind: string;
  readonly asked: unknown;
}

export type Reply = { readonly ok: true; readonly answer: unknown } | { readonly ok: false; readonly error: ErrorBody };

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
    return { ok: false, error: toGloveboxError(error).toBody() };
  }
}
