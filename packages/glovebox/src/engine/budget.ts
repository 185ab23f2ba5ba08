import { type Budget, GloveboxError, type Usage } from "../core/index.ts";

export const NO_USAGE: Usage = { tokens: 0, dollars: 0, toolCalls: 0, sandboxSeconds: 0 };
const COUNTED = ["tokens", "dollars", "toolCalls", "sandboxSeconds"] as const;

export interface Excess {
  readonly what: keyof Budget;
  readonly limit: number;
  readonly used: number;
}

/** What was used so far, and whether that is more than is allowed. */
export class BudgetMeter {
  readonly limits: Budget;
  #used: Usage;

  constructor(limits: Budget, used: Usage = NO_USAGE) {
    this.limits = limits;
    this.#used = used;
  }

  get used(): Usage {
    return this.#used;
  }

  add(spent: Partial<Usage>): void {
    this.#used = addUsage(this.#used, spent);
  }

  /** The first limit that was passed. */
  excess(): Excess | undefined {
    for (const what of COUNTED) {
      const [limit, used] = [this.limits[what], this.#used[what]];
      if (limit !== undefined && used > limit) return { what, limit, used };
    }
    return undefined;
  }
}

export function addUsage(used: Usage, more: Partial<Usage>): Usage {
  const sum = (what: keyof Usage) => used[what] + (more[what] ?? 0);
  return {
    tokens: sum("tokens"),
    dollars: sum("dollars"),
    toolCalls: sum("toolCalls"),
    sandboxSeconds: sum("sandboxSeconds"),
  };
}

/** `invalid_argument` on what is not a count: it would give budget back. */
export function checkUsage(used: Partial<Usage>): Partial<Usage> {
  for (const [what, amount] of Object.entries(used)) {
    const isKnown = (COUNTED as readonly string[]).includes(what);
    if (!isKnown || !Number.isFinite(amount) || amount < 0) {
      throw new GloveboxError("invalid_argument", `${what}: ${amount} cannot be used`, { details: { path: what } });
    }
  }
  return used;
}

/** `invalid_argument` on limits that are no numbers from 0. */
export function checkBudget(budget: Budget): Budget {
  for (const [what, limit] of Object.entries(budget)) {
    const isKnown = what === "wallMs" || (COUNTED as readonly string[]).includes(what);
    if (!isKnown || !Number.isFinite(limit) || (limit as number) < 0) {
      throw new GloveboxError("invalid_argument", `a budget's ${what} must be a number from 0`, {
        details: { path: what },
      });
    }
  }
  return budget;
}

export function budgetExceeded(of: "run" | "step" | "tenant", excess: Excess): GloveboxError {
  return new GloveboxError(
    "budget_exceeded",
    `the budget of the ${of} is used up: ${excess.what} ${excess.used} of ${excess.limit}`,
    { details: { of, ...excess } },
  );
}
