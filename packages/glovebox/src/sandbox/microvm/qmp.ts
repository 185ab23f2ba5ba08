import { connect, type Socket } from "node:net";
import { GloveboxError } from "../../core/index.ts";

/** QEMU says little; more than this in a line is not QEMU. */
const MAX_LINE_CHARS = 1 << 20;
const TIMEOUT_MS = 30_000;

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: GloveboxError) => void;
}

/**
 * A connection to QEMU's control socket (QMP). Commands may be sent without waiting for the answer to the one before; answers come in
 * order. What QEMU says is not believed further than it is checked: it may have been taken over by its guest.
 */
export class Qmp {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #waiting: Pending[] = [];
  /** Of a line whose end has not come. */
  #pieces: string[] = [];
  #held = 0;
  #greeted = false;
  #closed: GloveboxError | undefined;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => this.#receive(piece));
    socket.on("error", (error) => this.#end(error.message));
    socket.on("close", () => this.#end("it ended"));
  }

  /** Connects and ends the negotiation. `timeoutMs`: for each answer. Errors: `unavailable`. */
  static async open(path: string, timeoutMs = TIMEOUT_MS): Promise<Qmp> {
    const qmp = new Qmp(connect(path), timeoutMs);
    await qmp.run("qmp_capabilities");
    return qmp;
  }

  /** Runs a command to its answer. Errors: `unavailable` (QEMU is gone, or silent for too long), `internal` with what QEMU refuses. */
  async run(execute: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#closed) throw this.#closed;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.push({ resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute, ...(args ? { arguments: args } : {}) })}\n`);
    const timer = setTimeout(() => this.#end(`no answer to ${execute}`), this.#timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets go; QEMU goes on and takes another connection. */
  close(): void {
    this.#end("the connection was closed");
    this.#socket.destroy();
  }

  #receive(piece: string): void {
    const [first = "", ...others] = piece.split("\n");
    // Looked through once only, however finely it drips.
    this.#pieces.push(first);
    this.#held += first.length;
    if (this.#held > MAX_LINE_CHARS) this.#end("an endless line");
    for (const next of others) {
      if (this.#closed) return;
      this.#hear(this.#pieces.join(""));
      this.#pieces = [next];
      this.#held = next.length;
    }
  }

  #hear(line: string): void {
    const message = parsed(line);
    if (message === undefined) {
      this.#end("what is no message");
      return;
    }
    // Nobody waits for events.
    if (message.event !== undefined) return;
    if (message.QMP !== undefined && !this.#greeted) {
      this.#greeted = true;
    } else {
      const pending = this.#waiting.shift();
      if (message.error === undefined) pending?.resolve(message.return);
      else pending?.reject(new GloveboxError("internal", `QEMU refuses: ${whyOf(message.error)}`));
    }
  }

  #end(why: string): void {
    if (this.#closed) return;
    this.#closed = new GloveboxError("unavailable", `QEMU does not answer: ${why}`);
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closed);
  }
}

interface Message {
  readonly QMP?: unknown;
  readonly return?: unknown;
  readonly error?: unknown;
  readonly event?: unknown;
}

function parsed(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function whyOf(error: unknown): string {
  const desc = typeof error === "object" && error !== null && "desc" in error ? error.desc : undefined;
  return typeof desc === "string" ? desc.slice(0, 500) : "it does not say why";
}
