import { hash } from "node:crypto";
import type { Budget, Logger, Redactor } from "../../packages/glovebox/src/core/index.ts";
import type { DurableEngine, Program, Restore } from "../../packages/glovebox/src/engine/index.ts";

export interface OpenOptions {
  readonly programs?: readonly Program[];
  readonly redactor?: Redactor;
  readonly logger?: Logger;
  /** Strict unless said otherwise. */
  readonly determinism?: "strict" | "warn";
  readonly tenantBudget?: (tenantId: string) => Omit<Budget, "wallMs"> | undefined;
  readonly concurrency?: number;
  readonly maxQueued?: number;
  /** Default `reject`. */
  readonly whenFull?: "reject" | "drop_oldest";
  readonly maxDeaths?: number;
  /** While `isFull`, nothing can be written. */
  readonly disk?: { readonly isFull: boolean };
  readonly onRollback?: Restore;
}

export interface Damage {
  readonly what: string;
  /** The record at which it must be found. */
  readonly seq: number;
  make(): Promise<void> | void;
  undo(): Promise<void> | void;
}

/** One place that engines can be opened on, one after the other. Disposing of it removes everything. */
export interface EngineSubject extends AsyncDisposable {
  open(options?: OpenOptions): Promise<DurableEngine>;
  /** Ways to damage what is kept of a run's journal: each byte or row can be changed and put back, while an engine is open. */
  damages(runId: string, choose: (below: number) => number): Promise<readonly Damage[]>;
  /** What tells `chaos-child.ts`, in another process, where to open an engine. */
  readonly place: string;
}

/** The same pseudo-random numbers for the same seed. */
export function chooser(seed: number): (below: number) => number {
  let count = 0;
  return (below) => {
    count += 1;
    return Number.parseInt(hash("sha256", `${seed} ${count}`).slice(0, 12), 16) % below;
  };
}

export type MakeEngineSubject = () => Promise<EngineSubject>;

export const TENANT = "tenant-a";
export const OTHER_TENANT = "tenant-b";

/** Polls until `check` gives something, up to a bound far beyond what it takes. */
export async function until<T>(check: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 3000; tries += 1) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("waited in vain");
}

/** Replays every run of the tenant and throws where one differs. */
export async function replayAll(engine: DurableEngine): Promise<number> {
  const { items } = await engine.list(TENANT, { limit: 1000 });
  for (const { id, imported } of items) {
    if (imported === true) continue;
    const report = await engine.replay(TENANT, id);
    if (!report.identical) throw new Error(`replay of ${id} differs: ${JSON.stringify(report.firstDifference)}`);
  }
  return items.length;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
