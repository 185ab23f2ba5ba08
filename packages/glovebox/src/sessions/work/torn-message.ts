import { KernelMessageReader, MAX_LINE_BYTES } from "../../sandbox/kernel/index.ts";

const NEWLINE = 10;
const OPENING_BRACE = "{".charCodeAt(0);
const NOTHING = new Uint8Array();

/**
 * What comes first of a kernel's messages after a restart, when more of them was given free than is on disk: the rest
 * of a large message whose beginning is gone, or, when the kernel was idle, a whole message like any other.
 */
export class TornMessage {
  #held: Buffer | undefined = Buffer.alloc(0);
  #torn = false;

  /** Bytes that wait for the end of their line. */
  get heldBytes(): number {
    return this.#held?.length ?? 0;
  }

  /** Gives on whole lines; a torn one is passed over, and `onLost` told. */
  pass(data: Uint8Array, onLost: () => void): Uint8Array {
    if (this.#held === undefined) return data;
    const bytes = Buffer.concat([this.#held, data]);
    this.#torn ||= bytes[0] !== OPENING_BRACE || bytes.length > MAX_LINE_BYTES;
    const end = bytes.indexOf(NEWLINE);
    if (end < 0) {
      this.#held = this.#torn ? Buffer.alloc(0) : bytes;
      return NOTHING;
    }
    this.#held = undefined;
    if (!this.#torn && isMessage(bytes.subarray(0, end + 1))) return bytes;
    onLost();
    return bytes.subarray(end + 1);
  }
}

function isMessage(line: Uint8Array): boolean {
  try {
    return new KernelMessageReader().push(line).length === 1;
  } catch {
    return false;
  }
}
