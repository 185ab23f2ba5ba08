/** One classic BPF instruction (`struct sock_filter`). */
export interface BpfInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** The opcodes that our filters use. */
export const BPF = {
  loadWord: 0x20,
  jumpAlways: 0x05,
  jumpEqual: 0x15,
  jumpGreaterOrEqual: 0x35,
  jumpAnyBit: 0x45,
  answer: 0x06,
} as const;

/** A place in a program under construction. */
export type Mark = number & { readonly __mark: true };

const MAX_OFFSET = 255;

/**
 * Builds a program from its end to its start: jumps only go forward, so every target's distance is known when the jump
 * is written, and one that is too far for eight bits gets a long jump placed in between.
 */
export class BpfBuilder {
  readonly #reversed: BpfInstruction[] = [];

  /** Puts an instruction before all others. */
  prepend(code: number, k: number): Mark {
    this.#reversed.push({ code, jt: 0, jf: 0, k: k >>> 0 });
    return this.front();
  }

  /** Puts a conditional jump before all others. */
  branch(code: number, k: number, ifTrue: Mark, ifFalse: Mark): Mark {
    // A trampoline moves the other target away by one, so both are settled before the branch itself.
    const yes = this.#near(ifTrue, 1);
    const no = this.#near(ifFalse, 0);
    this.#reversed.push({ code, jt: this.#offset(yes), jf: this.#offset(no), k: k >>> 0 });
    return this.front();
  }

  /** The place of what is now the first instruction. */
  front(): Mark {
    return this.#reversed.length as Mark;
  }

  finish(): BpfInstruction[] {
    return this.#reversed.toReversed();
  }

  #offset(mark: Mark): number {
    return this.#reversed.length - mark;
  }

  #near(mark: Mark, reserve: number): Mark {
    return this.#offset(mark) + reserve <= MAX_OFFSET ? mark : this.prepend(BPF.jumpAlways, this.#offset(mark));
  }
}

/** The program as the kernel reads it: eight bytes an instruction, little-endian. */
export function encodeBpf(program: readonly BpfInstruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, jt, jf, k }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k, index * 8 + 4);
  });
  return bytes;
}
