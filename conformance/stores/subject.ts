import type { Clock } from "../../packages/glovebox/src/core/index.ts";
import type { Store, StoreFaults } from "../../packages/glovebox/src/store/index.ts";

/** One place that stores can be opened on, one after the other. Disposing of it removes everything. */
export interface StoreSubject extends AsyncDisposable {
  open(options?: { readonly clock?: Clock; readonly faults?: StoreFaults }): Promise<Store>;
}

export type MakeSubject = () => Promise<StoreSubject>;

/** A clock that only moves when it is told to. */
export class ManualClock implements Clock {
  ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  nowMs(): number {
    return this.ms;
  }

  monotonicMs(): number {
    return this.ms;
  }
}

export const DAY_MS = 86_400_000;
