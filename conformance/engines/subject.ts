import type { Budget, Logger, Redactor } from "../../packages/glovebox/src/core/index.ts";
import type { DurableEngine, Program } from "../../packages/glovebox/src/engine/index.ts";

export interface OpenOptions {
  readonly programs?: readonly Program[];
  readonly redactor?: Redactor;
  readonly logger?: Logger;
  /** Strict unless said otherwise. */
  readonly determinism?: "strict" | "warn";
  readonly tenantBudget?: (tenantId: string) => Omit<Budget, "wallMs"> | undefined;
  readonly concurrency?: number;
  readonly maxQueued?: number;
  readonly maxDeaths?: number;
}

/** One place that engines can be opened on, one after the other. Disposing of it removes everything. */
export interface EngineSubject extends AsyncDisposable {
  open(options?: OpenOptions): Promise<DurableEngine>;
  /** While no engine is open: changes one byte of what is kept of a run's record, somewhere; `choose` gives a number below its argument. Says what it changed. */
  flipByte(runId: string, choose: (below: number) => number): Promise<string>;
  /** What tells `chaos-child.ts`, in another process, where to open an engine. */
  readonly place: string;
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
