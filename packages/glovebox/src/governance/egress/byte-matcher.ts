/** What to look for, and what to do where it is found. */
export interface Needle {
  readonly find: Buffer;
  /** What takes its place; `undefined`: finding it ends the stream. */
  readonly replace?: Buffer;
  /** Told when it is replaced. */
  readonly name?: string;
}

/** An automaton after Aho and Corasick: finds all needles in one pass, in time linear in the text, whatever the text. */
export interface ByteMatcher {
  readonly needles: readonly Needle[];
  /** The state before the first byte. */
  readonly start: number;
  next(state: number, byte: number): number;
  /** How many of the last bytes may be the beginning of a needle. */
  depth(state: number): number;
  /** Whether a needle goes on from here. */
  grows(state: number): boolean;
  /** Index of the longest needle that ends here, or -1. */
  match(state: number): number;
}

/** Empty needles are left out. Memory: about (sum of lengths × distinct bytes × 4). */
export function createByteMatcher(all: readonly Needle[]): ByteMatcher {
  const needles = all.filter(({ find }) => find.length > 0);
  const classes = byteClasses(needles);
  const width = Math.max(...classes) + 1;
  const size = 1 + needles.reduce((sum, { find }) => sum + find.length, 0);
  const goto = new Int32Array(size * width).fill(-1);
  const depths = new Int32Array(size);
  const matches = new Int32Array(size).fill(-1);
  const inner = new Uint8Array(size);
  let states = 1;
  for (const [index, { find }] of needles.entries()) {
    let state = 0;
    for (const byte of find) {
      const edge = state * width + (classes[byte] ?? 0);
      if (goto[edge] === -1) {
        goto[edge] = states;
        inner[state] = 1;
        depths[states] = (depths[state] ?? 0) + 1;
        states += 1;
      }
      state = goto[edge] ?? 0;
    }
    if (matches[state] === -1) matches[state] = index;
  }
  link(goto, matches, width, states);
  return {
    needles,
    start: 0,
    next: (state, byte) => goto[state * width + (classes[byte] as number)] as number,
    depth: (state) => depths[state] as number,
    grows: (state) => inner[state] === 1,
    match: (state) => matches[state] as number,
  };
}

/** Bytes that no needle holds are all class 0. */
function byteClasses(needles: readonly Needle[]): Uint8Array {
  const classes = new Uint8Array(256);
  let used = 0;
  for (const { find } of needles) {
    for (const byte of find) if (classes[byte] === 0 && used < 255) classes[byte] = ++used;
  }
  return classes;
}

/** Fills in, breadth first, where each state goes when its needle breaks off. */
function link(goto: Int32Array, matches: Int32Array, width: number, states: number): void {
  const fails = new Int32Array(states);
  const queue: number[] = [0];
  for (let head = 0; head < queue.length; head += 1) {
    const state = queue[head] as number;
    const fail = fails[state] as number;
    if (matches[state] === -1 && state !== 0) matches[state] = matches[fail] as number;
    for (let c = 0; c < width; c += 1) {
      const child = goto[state * width + c] as number;
      const viaFail = state === 0 ? 0 : (goto[fail * width + c] as number);
      if (child === -1) goto[state * width + c] = viaFail;
      else {
        fails[child] = viaFail;
        queue.push(child);
      }
    }
  }
}
