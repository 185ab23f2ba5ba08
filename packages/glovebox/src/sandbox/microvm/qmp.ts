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
  readonly #waiting: Pending[] = [];
  readonly #listeners = new Set<(event: string) => void>();
  #text = "";
  #greeted = false;
  #closed: GloveboxError | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => this.#receive(piece));
    socket.on("error", (error) => this.#end(error.message));
    socket.on("close", () => this.#end("it ended"));
  }

  /** Connects and ends the negotiation. Errors: `unavailable`. */
  static async open(path: string): Promise<Qmp> {
    const socket = connect(path);
    const qmp = new Qmp(socket);
    await qmp.run("qmp_capabilities");
    return qmp;
  }

  /** Runs a command to its answer. Errors: `unavailable` (QEMU is gone, or silent for 30 s), `internal` with what QEMU refuses. */
  async run(execute: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#closed) throw this.#closed;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.push({ resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute, ...(args ? { arguments: args } : {}) })}\n`);
    const timer = setTimeout(() => this.#end(`no answer to ${execute}`), TIMEOUT_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves at the next event of that name. Errors: `unavailable` when QEMU ends before, `cancelled`. */
  event(name: string, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown) => {
        this.#listeners.delete(listen);
        this.#socket.off("close", gone);
        signal?.removeEventListener("abort", cancel);
        if (error) reject(error);
        else resolve();
      };
      const gone = () => settle(this.#closed);
      const cancel = () => settle(new GloveboxError("cancelled", `waiting for ${name} was cancelled`));
      const listen = (event: string) => {
        if (event === name) settle();
      };
      this.#listeners.add(listen);
      this.#socket.once("close", gone);
      signal?.addEventListener("abort", cancel, { once: true });
      if (signal?.aborted) cancel();
      else if (this.#closed) gone();
    });
  }

  /** Lets go; QEMU goes on and takes another connection. */
  close(): void {
    this.#end("the connection was closed");
    this.#socket.destroy();
  }

  #receive(piece: string): void {
    this.#text += piece;
    const lines = this.#text.split("\n");
    this.#text = lines.pop() ?? "";
    if (this.#text.length > MAX_LINE_CHARS) this.#end("an endless line");
    for (const line of lines) this.#hear(line);
  }

  #hear(line: string): void {
    let message: { QMP?: unknown; return?: unknown; error?: { desc?: unknown }; event?: unknown };
    try {
      message = JSON.parse(line);
    } catch {
      this.#end("what is not JSON");
      return;
    }
    if (typeof message.event === "string") {
      for (const listener of [...this.#listeners]) listener(message.event);
    } else if (message.QMP !== undefined && !this.#greeted) {
      this.#greeted = true;
    } else {
      const pending = this.#waiting.shift();
      if (message.error === undefined) pending?.resolve(message.return);
      else pending?.reject(new GloveboxError("internal", `QEMU refuses: ${String(message.error.desc).slice(0, 500)}`));
    }
  }

  #end(why: string): void {
    if (this.#closed) return;
    this.#closed = new GloveboxError("unavailable", `QEMU does not answer: ${why}`);
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closed);
  }
}
