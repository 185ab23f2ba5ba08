import type { WebSocket } from "@fastify/websocket";
import { z } from "zod";
import { type Execution, GloveboxError, type StoredEvent } from "../../../core/index.ts";
import { TerminalSize } from "../../../core/schemas.ts";
import type { sessionOperations } from "../../operations/sessions.ts";
import type { Call } from "../call.ts";
import type { HandlerContext } from "../options.ts";
import { traceIdOf } from "../request-identity.ts";
import { parseStrictJson } from "../strict-json.ts";
import { validate } from "../validation.ts";
import { CLOSE, closeWithError, sendFrame, sendJson } from "./connection.ts";

type RawData = Buffer | ArrayBuffer | Buffer[];
type Terminal = Omit<Call<(typeof sessionOperations)["sessions.terminal"]>, "reply" | "body">;

const ClientMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("resize"), ...TerminalSize.shape }),
  /** The same as a binary frame, for clients that cannot send one. */
  z.strictObject({ type: z.literal("input"), text: z.string().max(1_048_576) }),
]);

const DEFAULT_SIZE = { rows: 24, columns: 80 };
const DEFAULT_ARGV = ["/bin/bash", "-l"];
/** Input that may wait for a sandbox that does not read before the connection is paused. */
const MAX_QUEUED = 64;

/**
 * Starts a program on a terminal in the session, or goes on with one (`executionId`, `afterSeq`). To the client: `{type: "started",
 * executionId, execution}`, binary frames of output, `{type: "seq", seq}` after each for resuming, and `{type: "exit", status, exitCode,
 * execution}`. From the client:
 * binary frames of input, `{type: "resize", rows, columns}`. Losing the connection leaves the program running.
 */
export async function openTerminal(context: HandlerContext, call: Terminal, socket: WebSocket): Promise<void> {
  const { executions } = context.services;
  const { tenantId } = call.principal;
  const early: [RawData, boolean][] = [];
  const keepEarly = (data: RawData, binary: boolean) => {
    if (early.push([data, binary]) >= MAX_QUEUED) socket.pause();
  };
  socket.on("message", keepEarly);
  const execution = await startOrFind(context, call);
  socket.off("message", keepEarly);
  const input = forwardInput(context, call, socket, execution.id);
  for (const [data, binary] of early) input(data, binary);
  if (socket.isPaused) socket.resume();
  await sendJson(socket, { type: "started", executionId: execution.id, execution }, call.signal);
  const options = { afterSeq: call.query.afterSeq ?? 0, signal: call.signal };
  for await (const event of executions.follow(tenantId, execution.id, options)) {
    await sendOutput(socket, event, call.signal);
    if (call.signal.aborted) break;
  }
  if (call.signal.aborted) {
    socket.close(CLOSE.goingAway, "reconnect with executionId and afterSeq");
    return;
  }
  const ended = await executions.wait(tenantId, execution.id, call.signal);
  const { status, exitCode } = ended;
  await sendJson(socket, { type: "exit", status, exitCode, execution: ended }, call.signal);
  socket.close(CLOSE.normal);
}

async function startOrFind(context: HandlerContext, call: Terminal): Promise<Execution> {
  const { executions } = context.services;
  const { tenantId } = call.principal;
  const { executionId, argv, rows = DEFAULT_SIZE.rows, columns = DEFAULT_SIZE.columns } = call.query;
  if (executionId !== undefined) {
    const execution = await executions.get(tenantId, executionId);
    if (execution.sessionId === call.params.id) return execution;
    throw new GloveboxError("not_found", "the session has no such execution");
  }
  const started = await executions.start(tenantId, call.params.id, {
    kind: "command",
    argv: argv ?? DEFAULT_ARGV,
    env: { TERM: "xterm-256color" },
    background: true,
    terminal: { rows, columns },
  });
  started.finished.catch(() => undefined);
  return started.execution;
}

async function sendOutput(socket: WebSocket, event: StoredEvent, signal: AbortSignal): Promise<void> {
  if (event.type === "stdout" || event.type === "stderr") {
    const { payload } = event;
    await sendFrame(
      socket,
      "text" in payload ? Buffer.from(payload.text, "utf8") : Buffer.from(payload.base64, "base64"),
      signal,
    );
    await sendJson(socket, { type: "seq", seq: event.seq }, signal);
    return;
  }
  await sendJson(socket, { type: "event", event }, signal);
}

/** Writes what the client sends in order, and stops reading from it while the sandbox is slow. */
function forwardInput(
  context: HandlerContext,
  call: Terminal,
  socket: WebSocket,
  executionId: string,
): (data: RawData, binary: boolean) => void {
  const { executions } = context.services;
  const { tenantId } = call.principal;
  let queued = 0;
  let last: Promise<void> = Promise.resolve();

  async function act(data: Buffer, binary: boolean): Promise<void> {
    if (binary) return await executions.writeStdin(tenantId, executionId, data);
    const message = validate(ClientMessage, parseStrictJson(data), "body");
    if (message.type === "resize") return await executions.resize(tenantId, executionId, message.rows, message.columns);
    await executions.writeStdin(tenantId, executionId, Buffer.from(message.text, "utf8"));
  }

  const take = (data: RawData, binary: boolean) => {
    queued += 1;
    if (queued >= MAX_QUEUED) socket.pause();
    last = last
      .then(() => act(toBuffer(data), binary))
      .catch((error: unknown) => {
        // Input for a program that has just ended is the user's ordinary luck; its `exit` message is on the way.
        if (error instanceof GloveboxError && error.code === "conflict") return;
        const requestId = call.request.id;
        const traceId = traceIdOf(call.request.headers.traceparent, requestId);
        closeWithError(socket, error, { requestId, traceId, redactor: context.redactor });
      })
      .finally(() => {
        queued -= 1;
        if (queued < MAX_QUEUED && socket.isPaused) socket.resume();
      });
  };
  socket.on("message", take);
  return take;
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
