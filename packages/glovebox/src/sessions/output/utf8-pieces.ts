import { isUtf8 } from "node:buffer";

/** What a run of bytes became: text, or bytes that are no UTF-8. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly data: Uint8Array };

/** How many bytes at the end of `data` begin a character that is not complete yet: 0 to 3. */
export function incompleteTail(data: Uint8Array): number {
  const from = Math.max(0, data.length - 3);
  for (let at = data.length - 1; at >= from; at -= 1) {
    const byte = data[at] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? (byte <= 0xf4 ? 4 : 0) : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 0;
      const have = data.length - at;
      return needed > have ? have : 0;
    }
  }
  return 0;
}

/** Splits a byte stream only at character boundaries; what is not UTF-8 comes out as bytes. */
export class Utf8Pieces {
  #carry: Uint8Array = new Uint8Array(0);

  /** Bytes taken that are not given out yet: the beginning of a character. */
  get heldBytes(): number {
    return this.#carry.length;
  }

  push(data: Uint8Array): Piece | undefined {
    const whole = this.#carry.length === 0 ? data : Buffer.concat([this.#carry, data]);
    const tail = incompleteTail(whole);
    this.#carry = tail === 0 ? new Uint8Array(0) : Uint8Array.from(whole.subarray(whole.length - tail));
    return toPiece(tail === 0 ? whole : whole.subarray(0, whole.length - tail));
  }

  /** The stream is over: what was held is no character after all. */
  flush(): Piece | undefined {
    const rest = this.#carry;
    this.#carry = new Uint8Array(0);
    return toPiece(rest);
  }

  /** Forgets what was held: a cut falls before an unfinished character. */
  drop(): void {
    this.#carry = new Uint8Array(0);
  }
}

function toPiece(data: Uint8Array): Piece | undefined {
  if (data.length === 0) return undefined;
  if (!isUtf8(data)) return { kind: "bytes", data };
  return { kind: "text", text: Buffer.from(data.buffer, data.byteOffset, data.length).toString("utf8") };
}
