/**
 * Finds any of many patterns in one pass (Aho and Corasick, "Efficient string matching", 1975). States are numbers, 0 the start. Memory:
 * about 40 bytes a character of the patterns, in typed arrays.
 */
export class Automaton {
  /** The number of characters that led to a state. */
  readonly depth: Int32Array;
  /** The length of the longest pattern that ends in a state, 0 for none. */
  readonly longest: Int32Array;
  readonly #fail: Int32Array;
  /** A small number for every character of the patterns, 0 for all others. */
  readonly #classes = new Uint16Array(65_536);
  #classCount = 1;
  /** Transitions, as a hash table with open addresses: `state * classCount + class`, and where it leads. */
  #keys = new Float64Array(0);
  #targets = new Int32Array(0);
  #mask = 0;

  constructor(patterns: readonly string[]) {
    const total = patterns.reduce((sum, pattern) => sum + pattern.length, 1);
    for (const pattern of patterns) {
      for (let at = 0; at < pattern.length; at += 1) {
        const code = pattern.charCodeAt(at);
        if (this.#classes[code] === 0) this.#classes[code] = this.#classCount++;
      }
    }
    const size = 2 ** Math.ceil(Math.log2(total * 2 + 2));
    this.#keys = new Float64Array(size).fill(-1);
    this.#targets = new Int32Array(size);
    this.#mask = size - 1;
    this.depth = new Int32Array(total);
    this.longest = new Int32Array(total);
    this.#fail = new Int32Array(total);
    const parents = new Int32Array(total);
    const edges = new Uint16Array(total);
    const states = this.#addAll(patterns, parents, edges);
    this.#link(states, parents, edges);
  }

  /** Where `code` leads from `state`. */
  next(state: number, code: number): number {
    const edge = this.#classes[code] ?? 0;
    if (edge === 0) return 0;
    let from = state;
    for (;;) {
      const target = this.#target(from, edge);
      if (target !== 0 || from === 0) return target;
      from = this.#fail[from] ?? 0;
    }
  }

  #target(state: number, edge: number): number {
    const key = state * this.#classCount + edge;
    for (let slot = this.#slot(key); ; slot = (slot + 1) & this.#mask) {
      const found = this.#keys[slot];
      if (found === key) return this.#targets[slot] ?? 0;
      if (found === -1) return 0;
    }
  }

  #slot(key: number): number {
    const mixed = Math.imul(key, 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }

  #addAll(patterns: readonly string[], parents: Int32Array, edges: Uint16Array): number {
    let states = 1;
    for (const pattern of patterns) {
      let state = 0;
      for (let at = 0; at < pattern.length; at += 1) {
        const edge = this.#classes[pattern.charCodeAt(at)] ?? 0;
        let target = this.#target(state, edge);
        if (target === 0) {
          target = states++;
          this.#insert(state * this.#classCount + edge, target);
          parents[target] = state;
          edges[target] = edge;
          this.depth[target] = at + 1;
        }
        state = target;
      }
      this.longest[state] = pattern.length;
    }
    return states;
  }

  #insert(key: number, target: number): void {
    let slot = this.#slot(key);
    while (this.#keys[slot] !== -1) slot = (slot + 1) & this.#mask;
    this.#keys[slot] = key;
    this.#targets[slot] = target;
  }

  /** For each state, the state of the longest end of what led to it that begins a pattern; shallow states first. */
  #link(states: number, parents: Int32Array, edges: Uint16Array): void {
    const order = Array.from({ length: states - 1 }, (_, at) => at + 1);
    order.sort((a, b) => (this.depth[a] ?? 0) - (this.depth[b] ?? 0));
    for (const state of order) {
      const parent = parents[state] ?? 0;
      if (parent !== 0) this.#fail[state] = this.#follow(this.#fail[parent] ?? 0, edges[state] ?? 0);
      this.longest[state] ||= this.longest[this.#fail[state] ?? 0] ?? 0;
    }
  }

  #follow(state: number, edge: number): number {
    let from = state;
    for (;;) {
      const target = this.#target(from, edge);
      if (target !== 0 || from === 0) return target;
      from = this.#fail[from] ?? 0;
    }
  }
}
