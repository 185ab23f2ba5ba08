import type { NewEvent, Redactor, RedactorStream } from "../../core/index.ts";
import { incompleteTail, type Piece, Utf8Pieces } from "./utf8-pieces.ts";

/** What `push` found: whether the limit was passed with this piece (once). */
export type PushResult = "kept" | "passed_limit";

/**
 * One output stream of one execution on its way from bytes to events: cut at the limit, split at character boundaries, redacted.
 * Byte positions are counted from the beginning of the execution's part of the stream.
 */
export class OutputChannel {
  readonly #type: "stdout" | "stderr";
  readonly #redactor: Redactor | undefined;
  readonly #emit: (event: NewEvent) => void;
  readonly #pieces = new Utf8Pieces();
  #redaction: RedactorStream | undefined;
  /** Bytes that may still be kept. */
  #left: number;
  #kept = 0;
  truncated: boolean;

  constructor(options: {
    type: "stdout" | "stderr";
    /** Bytes that may be kept. */
    allowance: number;
    truncated: boolean;
    redactor: Redactor | undefined;
    emit: (event: NewEvent) => void;
  }) {
    this.#type = options.type;
    this.#left = options.allowance;
    this.truncated = options.truncated;
    this.#redactor = options.redactor;
    this.#emit = options.emit;
  }

  /** Bytes taken that have not become events yet. */
  get heldBytes(): number {
    return this.#pieces.heldBytes + (this.#redaction?.heldBytes ?? 0);
  }

  /** Bytes kept (held ones included). */
  get keptBytes(): number {
    return this.#kept;
  }

  push(data: Uint8Array): PushResult {
    if (this.truncated || data.length === 0) return "kept";
    if (data.length <= this.#left) {
      this.#left -= data.length;
      this.#kept += data.length;
      this.#give(this.#pieces.push(data));
      return "kept";
    }
    this.#pushLast(data.subarray(0, this.#left));
    this.truncated = true;
    return "passed_limit";
  }

  /** All that is held becomes events: a value follows, or the end. */
  flush(): void {
    this.#give(this.#pieces.flush());
    this.#flushText();
  }

  /** The last bytes before the cut, which falls between characters. */
  #pushLast(data: Uint8Array): void {
    const tail = incompleteTail(data);
    this.#give(this.#pieces.push(tail === 0 ? data : data.subarray(0, data.length - tail)));
    this.#kept += data.length - tail - this.#pieces.heldBytes;
    this.#left = 0;
    this.#pieces.drop();
    this.#flushText();
  }

  #give(piece: Piece | undefined): void {
    if (piece === undefined) return;
    if (piece.kind === "bytes") this.#bytes(piece.data);
    else if (this.#redactor === undefined) this.#text(piece.text);
    else {
      this.#redaction ??= this.#redactor.stream();
      this.#text(this.#redaction.push(piece.text));
    }
  }

  #bytes(data: Uint8Array): void {
    this.#flushText();
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
    const clean =
      this.#redactor === undefined ? bytes : Buffer.from(this.#redactor.redact(bytes.toString("latin1")), "latin1");
    this.#emit({ type: this.#type, payload: { base64: clean.toString("base64") } });
  }

  #flushText(): void {
    if (this.#redaction !== undefined) this.#text(this.#redaction.flush());
  }

  #text(text: string): void {
    if (text !== "") this.#emit({ type: this.#type, payload: { text } });
  }
}
