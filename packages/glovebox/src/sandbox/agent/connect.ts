import { connect, type Socket } from "node:net";
import { GloveboxError } from "../../core/index.ts";
import { AgentClient } from "./agent-client.ts";
import type { AgentConnection, ConnectOptions } from "./connection.ts";
import { openLine } from "./serial-line.ts";

/** How long an agent may take to answer the greeting, milliseconds. */
const HANDSHAKE_MS = 10_000;

/**
 * Connects to an agent and learns what it holds. The new connection replaces the one
 * before. Errors: `unavailable` (nobody answers, or not in 10 s), `conflict` (an epoch as high was seen before),
 * `cancelled`, `internal` (what answers does not speak the protocol).
 */
export async function connectAgent(options: ConnectOptions): Promise<AgentConnection> {
  const limit = AbortSignal.timeout(options.timeoutMs ?? HANDSHAKE_MS);
  const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
  const socket = await ("open" in options
    ? options.open(signal).catch((error: unknown) => {
        throw signal.aborted ? cancelled(signal) : error;
      })
    : openSocket(options.socketPath, signal));
  if (options.lineKey)
    await openLine(socket, options.lineKey, signal).catch((error: unknown) => refuse(socket, error, signal));
  const client = new AgentClient(socket, options.epoch, options.window);
  socket.resume();
  const abort = () => client.abandon(cancelled(signal));
  signal.addEventListener("abort", abort, { once: true });
  try {
    await client.ready;
    return client;
  } catch (error) {
    throw signal.aborted ? cancelled(signal) : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function refuse(socket: Socket, error: unknown, signal: AbortSignal): never {
  socket.destroy();
  throw signal.aborted ? cancelled(signal) : error;
}

function cancelled(signal: AbortSignal): GloveboxError {
  const timedOut = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
  return timedOut
    ? new GloveboxError("unavailable", "the agent does not answer", { cause: signal.reason })
    : new GloveboxError("cancelled", "connecting was cancelled", { cause: signal.reason });
}

/** A connection to an agent, without a word said: for `AgentConnection.resume`. Errors: `unavailable`, `cancelled`. */
export function openSocket(path: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(cancelled(signal));
      return;
    }
    const socket = connect(path);
    const abort = () => socket.destroy(cancelled(signal));
    signal.addEventListener("abort", abort, { once: true });
    const settle = () => signal.removeEventListener("abort", abort);
    socket.once("connect", () => {
      settle();
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error) => {
      settle();
      const known = error instanceof GloveboxError;
      reject(known ? error : new GloveboxError("unavailable", `no agent: ${error.message}`, { cause: error }));
    });
  });
}
