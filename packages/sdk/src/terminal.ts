import { errorOfMessage } from "./answer-error.ts";
import { GloveboxError } from "./errors.ts";
import type { Transport } from "./transport.ts";
import type { CallOptions } from "./types/page.ts";
import { queryString, urlPath } from "./url-path.ts";

export interface TerminalOptions extends CallOptions {
  readonly rows?: number | undefined;
  readonly columns?: number | undefined;
  /** The program and its arguments. Default: the session's login shell. */
  readonly argv?: readonly string[] | undefined;
  /** Go on with a terminal that lost its connection. */
  readonly executionId?: string | undefined;
  readonly afterSeq?: number | undefined;
}

/** How a terminal ended. `lost`: the connection broke; what runs in it may go on. */
export type TerminalEnd =
  | { readonly kind: "exit"; readonly status: string; readonly exitCode: number | undefined }
  | { readonly kind: "error"; readonly error: GloveboxError }
  | { readonly kind: "lost" };

/** A terminal in a session. Iterate over it for the bytes that it shows; the loop ends when the terminal does. */
export class Terminal implements AsyncIterable<Uint8Array>, AsyncDisposable {
  /** Resolves when it is over; never rejects. */
  readonly ended: Promise<TerminalEnd>;
  readonly #socket: WebSocket;
  readonly #chunks: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #end: TerminalEnd | undefined;
  #executionId: string | undefined;
  #seq = 0;

  /** `onStarted` is called when the server has named the execution: until then it may still refuse. */
  constructor(socket: WebSocket, onStarted: () => void = () => {}) {
    this.#socket = socket;
    this.ended = new Promise((resolve) => {
      const finish = (end: TerminalEnd) => {
        this.#end ??= end;
        this.#wake?.();
        resolve(this.#end);
      };
      socket.addEventListener("message", ({ data }) => {
        if (typeof data === "string") {
          this.#message(data, finish);
          if (this.#executionId !== undefined) onStarted();
        } else if (data instanceof ArrayBuffer) {
          this.#chunks.push(new Uint8Array(data));
          this.#wake?.();
        }
      });
      socket.addEventListener("close", () => finish({ kind: "lost" }));
    });
  }

  /** Of the execution that runs in it, once the server has named it: give it to a new terminal to take this one up again. */
  get executionId(): string | undefined {
    return this.#executionId;
  }

  /** How far its output has come: a terminal that takes this one up again gives it as `afterSeq`. */
  get seq(): number {
    return this.#seq;
  }

  /** What is typed. Nothing happens when the terminal is over. */
  write(data: string | Uint8Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.#socket.send(bytes as Uint8Array<ArrayBuffer>);
  }

  resize(rows: number, columns: number): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify({ type: "resize", rows, columns }));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#end !== undefined) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  /** Lets go of it. */
  close(): void {
    this.#socket.close(1000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.ended;
  }

  #message(text: string, finish: (end: TerminalEnd) => void): void {
    const message = parse(text);
    if (typeof message.executionId === "string") this.#executionId = message.executionId;
    if (typeof message.seq === "number") this.#seq = message.seq;
    if (message.type === "exit") {
      const { exitCode, status } = message;
      finish({
        kind: "exit",
        status: typeof status === "string" ? status : "ok",
        exitCode: typeof exitCode === "number" ? exitCode : undefined,
      });
    } else if (message.type === "error") {
      finish({ kind: "error", error: errorOfMessage(JSON.stringify(message.error ?? message)) });
    }
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Opens a terminal over a WebSocket; rejects when the server refuses it. */
export async function openTerminal(
  transport: Transport,
  sessionId: string,
  options: TerminalOptions,
): Promise<Terminal> {
  const { signal, rows, columns, argv, executionId, afterSeq } = options;
  const query = queryString({ rows, columns, argv, executionId, afterSeq });
  const url = `${transport.url.replace(/^http/, "ws")}${urlPath("sessions", sessionId, "terminal")}${query}`;
  signal?.throwIfAborted();
  // A browser can send no header with a WebSocket, so the token goes as a subprotocol.
  const token = transport.token === undefined ? [] : [`glovebox.token.${transport.token}`];
  const socket = new WebSocket(url, ["glovebox.v1", ...token]);
  socket.binaryType = "arraybuffer";
  return new Promise((resolve, reject) => {
    const terminal = new Terminal(socket, () => resolve(terminal));
    const onAbort = () => {
      socket.close();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    void terminal.ended.then((end) => {
      signal?.removeEventListener("abort", onAbort);
      if (end.kind === "error") reject(end.error);
      else reasonOfRefusal(transport, sessionId, signal).then(reject, reject);
    });
  });
}

/** A WebSocket does not tell why it was refused; asking for the session does. */
async function reasonOfRefusal(
  transport: Transport,
  sessionId: string,
  signal: AbortSignal | undefined,
): Promise<GloveboxError> {
  await transport.json({ method: "GET", path: urlPath("sessions", sessionId), signal });
  return new GloveboxError("unavailable", "the server refused the terminal");
}
