import { Duplex } from "node:stream";
import type { Allowance } from "./allowance.ts";
import { Refusal } from "./refusal.ts";

export interface SandboxStreamOptions {
  readonly allowance: Allowance;
  /** Longest life, milliseconds. */
  readonly lifeMs: number;
  /** Longest time without a byte in either direction, milliseconds. */
  readonly silenceMs: number;
}

/**
 * A sandbox's connection under its limits: every byte is counted, and the stream destroys itself with a {@link Refusal} as its error when the allowance is spent,
 * its time is over, or nothing moves. Destroying it destroys the connection.
 */
export class SandboxStream extends Duplex {
  readonly #inner: Duplex;
  readonly #allowance: Allowance;
  readonly #life: NodeJS.Timeout;
  readonly #silence: NodeJS.Timeout;
  /** Called when bytes come from the sandbox. */
  onBytes: (() => void) | undefined;

  constructor(inner: Duplex, { allowance, lifeMs, silenceMs }: SandboxStreamOptions) {
    super({ allowHalfOpen: true });
    this.setMaxListeners(32); // the HTTP parser, TLS, two pipelines and the limits all listen
    this.#inner = inner;
    this.#allowance = allowance;
    this.#life = setTimeout(
      () => this.#end("time_exhausted", "the connection lasted as long as the template allows"),
      lifeMs,
    );
    this.#silence = setTimeout(() => this.#end("silence", `nothing moved for ${silenceMs / 1000} s`), silenceMs);
    inner.on("data", (chunk: Buffer) => this.#take(chunk));
    inner.on("end", () => this.push(null));
    inner.on("error", () => this.destroy());
    inner.on("close", () => this.destroy());
    inner.pause();
  }

  #take(chunk: Buffer): void {
    if (!this.#count(chunk.length)) return;
    this.onBytes?.();
    if (!this.push(chunk)) this.#inner.pause();
  }

  /** Counts bytes that are made on the way, as by decompression; `false` when the stream has ended for it. */
  count(bytes: number): boolean {
    return this.#count(bytes);
  }

  #count(bytes: number): boolean {
    this.#silence.refresh();
    if (this.#allowance.take(bytes)) return true;
    this.#end("bytes_exhausted", "the session has sent and received as much as its template allows");
    return false;
  }

  #end(code: "bytes_exhausted" | "time_exhausted" | "silence", reason: string): void {
    this.destroy(new Refusal(code, reason));
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.#count(chunk.length)) {
      done();
      return;
    }
    this.#inner.write(chunk, encoding, (error) => {
      this.#silence.refresh();
      done(error);
    });
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "utf8", done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#life);
    clearTimeout(this.#silence);
    this.#inner.destroy();
    done(error);
  }
}
