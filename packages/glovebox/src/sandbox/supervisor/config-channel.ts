import type { Socket } from "node:net";
import { GloveboxError } from "../../core/index.ts";
import type { SupervisorEnd } from "./status-file.ts";

/** What was said: its first word, and the rest. */
type Line = { readonly word: string; readonly rest: string };

/** The server's end of a supervisor's configuration socket: the lines that it says, and with them how the driver's process ended. */
export class ConfigChannel {
  /** Resolves when the socket is closed, by whomever. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #lines: Line[] = [];
  #open = true;
  #end: SupervisorEnd | undefined;
  #wanted: ((line: Line | undefined) => void) | undefined;
  #onEnd: ((end: SupervisorEnd | undefined) => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.unref();
    this.closed = this.#listen();
  }

  get open(): boolean {
    return this.#open;
  }

  /** How the driver's process ended, if that was said. */
  get end(): SupervisorEnd | undefined {
    return this.#end;
  }

  write(bytes: Uint8Array | string): void {
    this.#socket.write(bytes);
  }

  /** Keeps the server's event loop alive from now on. */
  ref(): void {
    this.#socket.ref();
  }

  /** The next line; `undefined` when the socket is closed. */
  async next(): Promise<Line | undefined> {
    // Only while somebody waits does a supervisor keep the server's event loop alive.
    this.#socket.ref();
    const line =
      this.#lines.shift() ??
      (await new Promise<Line | undefined>((resolve) => {
        if (this.#open) this.#wanted = resolve;
        else resolve(undefined);
      }));
    this.#socket.unref();
    return line;
  }

  /** The rest of the next line, which begins with `word`. Errors: `isolation_unavailable` with what was said instead. */
  async expect(word: string): Promise<string> {
    const line = await this.next();
    if (line?.word === word) return line.rest;
    const said = line ? `${line.word} ${line.rest}` : "it ended without a word";
    throw new GloveboxError("isolation_unavailable", `The sandbox's supervisor failed: ${said}`);
  }

  /** The end, once it is said; `undefined` when the socket closes before, or the signal aborts. */
  ended(signal?: AbortSignal): Promise<SupervisorEnd | undefined> {
    if (this.#end || !this.#open) return Promise.resolve(this.#end);
    return new Promise((resolve) => {
      this.#onEnd.push(resolve);
      signal?.addEventListener("abort", () => resolve(undefined), { once: true });
    });
  }

  close(): void {
    this.#open = false;
    this.#socket.destroy();
  }

  #listen(): Promise<void> {
    const { promise, resolve: settle } = Promise.withResolvers<void>();
    let text = "";
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (piece: string) => {
      text += piece;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#hear(line);
    });
    // Its end is all that matters, and that comes as `close`.
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.#open = false;
      this.#wanted?.(undefined);
      for (const resolve of this.#onEnd.splice(0)) resolve(this.#end);
      settle();
    });
    return promise;
  }

  #hear(text: string): void {
    const at = text.indexOf(" ");
    const line = at < 0 ? { word: text, rest: "" } : { word: text.slice(0, at), rest: text.slice(at + 1) };
    if (line.word === "exit") this.#end = { kind: "exit", code: Number(line.rest) };
    if (line.word === "signal") this.#end = { kind: "signal", number: Number(line.rest) };
    if (this.#end) for (const resolve of this.#onEnd.splice(0)) resolve(this.#end);
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted) wanted(line);
    else this.#lines.push(line);
  }
}
