import type { Usage } from "../../core/index.ts";
import { addUsage, NO_USAGE } from "../budget.ts";
import { fieldOf, numberOf, type TreeRecord, textOf } from "./tree-record.ts";

const MAX_POINTS = 1000;
const COUNTED = ["tokens", "dollars", "toolCalls", "sandboxSeconds"] as const;

/** What a run had used when a step told of more. */
export interface BudgetPoint {
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** The step that used the last of it. */
  readonly step?: string;
  readonly used: Usage;
}

/** The limit that ended a run. */
export interface BudgetExcess {
  readonly of: "run" | "tenant";
  readonly what: string;
  readonly limit: number;
  readonly used: number;
}

/**
 * What a run used over time, made from its journal record by record. What was spent stays spent, also when a rollback made its step void. At most `maxPoints`
 * points (default 1,000): of a longer history every second, every fourth, … point and always the last.
 */
export class BudgetTrail {
  readonly #maxPoints: number;
  #points: BudgetPoint[] = [];
  #last: BudgetPoint | undefined;
  #every = 1;
  #seen = 0;
  #used: Usage = NO_USAGE;
  #exceeded: BudgetExcess | undefined;

  constructor(options: { readonly maxPoints?: number } = {}) {
    this.#maxPoints = Math.max(2, options.maxPoints ?? MAX_POINTS);
  }

  get used(): Usage {
    return this.#used;
  }

  get exceeded(): BudgetExcess | undefined {
    return this.#exceeded;
  }

  get history(): readonly BudgetPoint[] {
    const last = this.#last;
    return last === undefined || this.#points.at(-1) === last ? [...this.#points] : [...this.#points, last];
  }

  take(record: TreeRecord): void {
    if (record.type === "budget.exceeded") this.#exceeded = excessOf(record.payload);
    if (record.type !== "budget.updated") return;
    this.#used = addUsage(this.#used, usageIn(fieldOf(record.payload, "used")));
    const step = record.step === undefined ? {} : { step: record.step };
    this.#last = { seq: record.seq, atMs: record.ts, ...step, used: this.#used };
    if (this.#seen % this.#every === 0) this.#points.push(this.#last);
    this.#seen += 1;
    if (this.#points.length < this.#maxPoints) return;
    this.#points = this.#points.filter((_, index) => index % 2 === 0);
    this.#every *= 2;
  }
}

function usageIn(used: unknown): Partial<Usage> {
  const found: { -readonly [K in keyof Usage]?: number } = {};
  for (const what of COUNTED) {
    const amount = numberOf(used, what);
    if (amount !== undefined && amount >= 0) found[what] = amount;
  }
  return found;
}

function excessOf(payload: unknown): BudgetExcess {
  const of = textOf(payload, "of") === "tenant" ? "tenant" : "run";
  const [limit, used] = [numberOf(payload, "limit") ?? 0, numberOf(payload, "used") ?? 0];
  return { of, what: textOf(payload, "what") ?? "", limit, used };
}
