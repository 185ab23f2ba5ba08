import { constants } from "node:os";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { AgentProcess } from "./agent-process.ts";
import { errorOfErrno } from "./errno.ts";
import { SPAWN_FLAGS, type SpawnRequest } from "./messages.ts";

/** What an applet may say about its failure; the rest is dropped. */
const MAX_MESSAGE_BYTES = 4096;
const MAX_LINE_BYTES = 1 << 20;

/** Starts processes; the connection. */
export interface AppletStarter {
  start(request: SpawnRequest, signal?: AbortSignal): Promise<AgentProcess>;
}

export interface AppletCall {
  /** The applet's name and arguments: see `applet_*` in native/agent/files. */
  readonly argv: readonly [string, ...(string | Uint8Array)[]];
  /** What it gets on stdin. */
  readonly input?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Its stdin stays open until the end, as its sign that somebody still listens. */
  readonly listening?: boolean;
  /** With the agent's rights, not user code's: only for paths that user code has no hand in. */
  readonly asAgent?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs an applet of the agent and yields its stdout as it comes. Throws the {@link GloveboxError} that its errno means.
 * Leaving early ends the applet.
 */
export async function* runApplet(
  starter: AppletStarter,
  call: AppletCall,
): AsyncGenerator<Uint8Array, void, undefined> {
  const piped = call.input !== undefined || call.listening === true;
  const flags = SPAWN_FLAGS.builtin | (piped ? 0 : SPAWN_FLAGS.stdinNull) | (call.asAgent ? SPAWN_FLAGS.own : 0);
  const applet = await starter.start({ flags, argv: call.argv, cwd: "", env: {}, tag: "applet" }, call.signal);
  const feeding = new AbortController();
  const fed = call.input === undefined ? Promise.resolve() : feed(applet, call.input, feeding.signal);
  // A source that fails must stop the applet before its input ends, or half a file would look whole.
  let sourceError: { readonly error: unknown } | undefined;
  fed.catch((error: unknown) => {
    if (feeding.signal.aborted || isGloveboxError(error, "conflict")) return;
    sourceError = { error };
    stop(applet);
  });
  let ended = false;
  let message = "";
  try {
    for await (const item of applet.output(call.signal)) {
      if (item.kind === "exit") {
        ended = true;
        if (sourceError !== undefined) throw sourceError.error;
        checkExit(call.argv[0], item.exit, message);
        return;
      }
      if (item.kind !== "output") continue;
      if (item.stream === "stdout") yield item.data;
      else if (message.length < MAX_MESSAGE_BYTES) message += Buffer.from(item.data).toString();
      applet.ack(item.stream, item.offset + item.data.length);
    }
  } finally {
    feeding.abort();
    if (!ended) stop(applet);
    applet.release();
  }
}

/** TERM, so that it can remove what it left unfinished. */
function stop(applet: AgentProcess): void {
  applet.signal("SIGTERM").catch(() => {});
}

async function feed(
  applet: AgentProcess,
  input: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  if (input instanceof Uint8Array) await applet.write(input, signal);
  else for await (const piece of input) await applet.write(piece, signal);
  await applet.closeStdin();
}

function checkExit(name: string, exit: { code?: number; signal?: string; limit?: string }, message: string): void {
  if (exit.code === 0) return;
  if (exit.limit !== undefined) {
    throw new GloveboxError("resource_exhausted", `${name}: stopped by the sandbox's ${exit.limit} limit`);
  }
  if (exit.code === undefined)
    throw new GloveboxError("unavailable", `${name} was ended by ${exit.signal ?? "a signal"}`);
  if (exit.code === constants.errno.ENOSYS)
    throw new GloveboxError("not_supported_by_isolation", `${name}: ${message}`);
  throw errorOfErrno(exit.code, message === "" ? `${name} failed` : message.slice(0, MAX_MESSAGE_BYTES));
}

/** Runs an applet to its end and returns its output, which must be small. */
export async function appletOutput(starter: AppletStarter, call: AppletCall): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of runApplet(starter, call)) {
    size += piece.length;
    if (size > MAX_LINE_BYTES) throw new GloveboxError("internal", `${call.argv[0]} says too much`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** Runs an applet that prints JSON lines, and yields each one parsed (and not yet believed). */
export async function* appletLines(starter: AppletStarter, call: AppletCall): AsyncGenerator<unknown, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of runApplet(starter, call)) {
    rest = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    let start = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      yield parseLine(rest.subarray(start, end));
      start = end + 1;
    }
    rest = rest.subarray(start);
    if (rest.length > MAX_LINE_BYTES) throw new GloveboxError("internal", `${call.argv[0]} prints an endless line`);
  }
}

function parseLine(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString());
  } catch (error) {
    throw new GloveboxError("internal", "the sandbox answered with what is not JSON", { cause: error });
  }
}
