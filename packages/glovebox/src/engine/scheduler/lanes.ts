import { Heap } from "./heap.ts";

interface Waiting {
  readonly dueMs: number;
  readonly task: { readonly tenantId: string; readonly kind: string };
}

/** A queue in parts, one for each tenant and kind, so that those who may not work now do not stand in the way of the others. */
export class Lanes<T extends Waiting> {
  readonly #lanes = new Map<string, Heap<T>>();
  readonly #byTurn: (a: T, b: T) => number;
  #size = 0;

  constructor(byTurn: (a: T, b: T) => number) {
    this.#byTurn = byTurn;
  }

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    const key = JSON.stringify([item.task.tenantId, item.task.kind]);
    const lane = this.#lanes.get(key) ?? new Heap<T>(this.#byTurn);
    lane.push(item);
    this.#lanes.set(key, lane);
    this.#size += 1;
  }

  /** Takes out the first that is due and for whom `mayWork` says yes. */
  takeDue(nowMs: number, mayWork: (task: T["task"]) => boolean): T | undefined {
    let best: { readonly key: string; readonly item: T } | undefined;
    for (const [key, lane] of this.#lanes) {
      const item = lane.peek();
      if (item === undefined || item.dueMs > nowMs || !mayWork(item.task)) continue;
      if (best === undefined || this.#byTurn(item, best.item) < 0) best = { key, item };
    }
    if (best === undefined) return undefined;
    const lane = this.#lanes.get(best.key);
    lane?.pop();
    if (lane?.size === 0) this.#lanes.delete(best.key);
    this.#size -= 1;
    return best.item;
  }

  /** When the next one is due that is not yet; `undefined` when there is none. */
  nextDueMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const lane of this.#lanes.values()) {
      const dueMs = lane.peek()?.dueMs;
      if (dueMs !== undefined && dueMs > nowMs && (next === undefined || dueMs < next)) next = dueMs;
    }
    return next;
  }

  removeWhere(fits: (item: T) => boolean): T[] {
    const removed: T[] = [];
    for (const [key, lane] of this.#lanes) {
      removed.push(...lane.removeWhere(fits));
      if (lane.size === 0) this.#lanes.delete(key);
    }
    this.#size -= removed.length;
    return removed;
  }
}
