import type { ProgramContext } from "../../engine/index.ts";

/** What a measurement is of. Two that differ in one of these are not compared. */
export interface BaselineKey {
  /** The repository's name, as its manifest or whoever asks says it. */
  readonly repository: string;
  /** What was measured: a command, or tests. */
  readonly target: string;
  /** Processor and versions: what else would make it faster or slower. */
  readonly machine: string;
  readonly metric: "cpu" | "wall";
}

/** Milliseconds. */
export interface Baseline {
  readonly medianMs: number;
  readonly madMs: number;
  readonly repeats: number;
}

/** Baselines of one tenant, kept over runs. Every method is a step of the context that it is given. */
export interface Baselines {
  /** The one that is kept (step `baseline`); absent: there is none, or what is there is none of ours. */
  recall(run: ProgramContext, key: BaselineKey): Promise<Baseline | undefined>;
  /** Keeps one, in the place of the former (step `keep baseline`). */
  keep(run: ProgramContext, key: BaselineKey, baseline: Baseline): Promise<void>;
}
