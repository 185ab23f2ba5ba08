/** A job that wants to work. */
export interface SlotAsk {
  readonly tenantId: string;
  readonly runId: string;
  readonly key: string;
  /** Whose turn it counts for: the repository. */
  readonly owner: string;
  /** Most of the owner's at a time; absent: no other limit than the whole. */
  readonly ownerLimit?: number;
}

interface Waiting extends SlotAsk {
  readonly sequence: number;
}

/**
 * How many jobs work at a time, in all and of each repository. Who waits gets a turn in a fair order: the repository with the fewest jobs at work first, and of one
 * repository the oldest run. It is memory only: after a restart every run asks again, from its journal.
 */
export class JobSlots {
  readonly #limit: number;
  readonly #onTurn: (ask: SlotAsk) => void;
  /** At work, by id; a job may hold its place twice while its run is replayed. */
  readonly #holding = new Map<string, { readonly ask: SlotAsk; count: number }>();
  readonly #waiting = new Map<string, Waiting>();
  #sequence = 0;

  /** `onTurn`: called when one that waited may work; it holds its place from then on. Must not throw. */
  constructor(limit: number, onTurn: (ask: SlotAsk) => void) {
    this.#limit = limit;
    this.#onTurn = onTurn;
  }

  get working(): number {
    return this.#holding.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes a place at once if one is free and nobody waits for it; says whether it did. */
  tryTake(ask: SlotAsk): boolean {
    const id = idOf(ask);
    if (this.#holding.has(id)) return true;
    if (!this.#isFree(ask) || [...this.#waiting.values()].some((other) => this.#isFree(other))) return false;
    this.#holding.set(id, { ask, count: 0 });
    return true;
  }

  /** Waits in line. Doing it twice is once; one that holds a place already is called at once. */
  want(ask: SlotAsk): void {
    const id = idOf(ask);
    if (this.#holding.has(id)) {
      this.#onTurn(ask);
    } else if (!this.#waiting.has(id)) {
      this.#sequence += 1;
      this.#waiting.set(id, { ...ask, sequence: this.#sequence });
      this.#next();
    }
  }

  /** It works: what a journal says, even if that is one too many for a moment after a restart. */
  hold(ask: SlotAsk): void {
    const id = idOf(ask);
    this.#waiting.delete(id);
    const held = this.#holding.get(id);
    if (held === undefined) this.#holding.set(id, { ask, count: 1 });
    else held.count += 1;
  }

  release(ask: Pick<SlotAsk, "runId" | "key">): void {
    const id = idOf(ask);
    this.#waiting.delete(id);
    const held = this.#holding.get(id);
    if (held !== undefined) {
      held.count -= 1;
      if (held.count <= 0) this.#holding.delete(id);
    }
    this.#next();
  }

  /** Everything of a run that has ended. */
  releaseRun(runId: string): void {
    for (const [id, { ask }] of this.#holding) if (ask.runId === runId) this.#holding.delete(id);
    for (const [id, ask] of this.#waiting) if (ask.runId === runId) this.#waiting.delete(id);
    this.#next();
  }

  #next(): void {
    for (;;) {
      const [first] = [...this.#waiting.values()].filter((ask) => this.#isFree(ask)).toSorted(this.#byTurn());
      if (first === undefined) return;
      const id = idOf(first);
      this.#waiting.delete(id);
      this.#holding.set(id, { ask: first, count: 0 });
      this.#onTurn(first);
    }
  }

  #isFree({ owner, ownerLimit = Number.POSITIVE_INFINITY }: SlotAsk): boolean {
    return this.#holding.size < this.#limit && this.#workingOf(owner) < ownerLimit;
  }

  #workingOf(owner: string): number {
    let count = 0;
    for (const { ask } of this.#holding.values()) if (ask.owner === owner) count += 1;
    return count;
  }

  #byTurn(): (a: Waiting, b: Waiting) => number {
    const working = new Map<string, number>();
    for (const { ask } of this.#holding.values()) working.set(ask.owner, (working.get(ask.owner) ?? 0) + 1);
    const of = ({ owner }: Waiting) => working.get(owner) ?? 0;
    return (a, b) => of(a) - of(b) || compare(a.runId, b.runId) || a.sequence - b.sequence;
  }
}

function idOf({ runId, key }: Pick<SlotAsk, "runId" | "key">): string {
  return `${runId}/${key}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
