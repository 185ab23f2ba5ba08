import { type Budget, GloveboxError, isGloveboxError, type Usage } from "../core/index.ts";
import type { ProgramContext, StepContext, StepOptions } from "../engine/index.ts";

const COUNTED = ["tokens", "dollars", "toolCalls", "sandboxSeconds"] as const;
type Counted = (typeof COUNTED)[number];

/** A step's result as the journal has it under a budget: with what it used of what is limited, so that a resumed run counts the same. */
interface Metered<Result> {
  readonly result: Result;
  readonly used: Partial<Usage>;
}

/** What is left for the steps of one agent, or of one part of a flow. */
class Meter {
  readonly #limits: Budget;
  readonly #what: string;
  readonly #used: Record<Counted, number> = { tokens: 0, dollars: 0, toolCalls: 0, sandboxSeconds: 0 };

  constructor(limits: Budget, what: string) {
    this.#limits = limits;
    this.#what = what;
  }

  /** The smaller of what is left here and what the step may use itself. */
  left(own: Partial<Usage> = {}): Partial<Usage> {
    const left: Partial<Record<Counted, number>> = {};
    for (const what of COUNTED) {
      const [limit, mine] = [this.#limits[what], own[what]];
      const rest = limit === undefined ? undefined : Math.max(0, limit - this.#used[what]);
      const smaller = Math.min(rest ?? Number.POSITIVE_INFINITY, mine ?? Number.POSITIVE_INFINITY);
      if (smaller !== Number.POSITIVE_INFINITY) left[what] = smaller;
    }
    return left;
  }

  /** Only of what is limited: the rest is not journaled twice. */
  limited(used: Readonly<Record<Counted, number>>): Partial<Usage> {
    return Object.fromEntries(
      COUNTED.filter((what) => this.#limits[what] !== undefined).map((what) => [what, used[what]]),
    );
  }

  add(used: Partial<Usage>): void {
    for (const what of COUNTED) this.#used[what] += used[what] ?? 0;
  }

  /** A step that was given what was left here and used it up has used up this. */
  explain(error: unknown, own: Partial<Usage> = {}): unknown {
    if (!isGloveboxError(error, "budget_exceeded") || error.details?.of !== "step") return error;
    const what = error.details.what as Counted;
    const limit = this.#limits[what];
    const left = limit === undefined ? Number.POSITIVE_INFINITY : limit - this.#used[what];
    if (limit === undefined || left > (own[what] ?? Number.POSITIVE_INFINITY)) return error;
    return exceeded(this.#what, what, limit, this.#used[what] + Number(error.details.used));
  }

  check(): void {
    for (const what of COUNTED) {
      const [limit, used] = [this.#limits[what], this.#used[what]];
      if (limit !== undefined && used > limit) throw exceeded(this.#what, what, limit, used);
    }
  }
}

/**
 * Does work within a budget of its own, on top of the run's: steps side by side share what is left when each of them begins, and what they used together is
 * looked at when each is done. Errors: `budget_exceeded`, with `details.of` = `what`. What a failed step used counts for the run only.
 */
export async function withBudget<Result>(
  context: ProgramContext,
  budget: Budget | undefined,
  what: string,
  work: (context: ProgramContext) => Promise<Result>,
): Promise<Result> {
  if (budget === undefined || Object.keys(budget).length === 0) return work(context);
  const { wallMs, ...counted } = budget;
  const metered = (own: ProgramContext) =>
    Object.keys(counted).length === 0 ? own : meteredContext(own, new Meter(counted, what));
  if (wallMs === undefined) return work(metered(context));
  const first = await context.waitAny(
    { work: (own) => work(metered(own)), time: (own) => own.sleep(wallMs) },
    { name: `within ${what}`.slice(0, 100) },
  );
  if (first.key === "time") throw exceeded(what, "wallMs", wallMs, wallMs);
  return first.value as Result;
}

/** A context whose steps are counted; so are those of its branches. Runs that it starts have budgets of their own. */
function meteredContext(context: ProgramContext, meter: Meter): ProgramContext {
  const wrapAll = (branches: Readonly<Record<string, (own: ProgramContext) => Promise<unknown>>>) =>
    Object.fromEntries(
      Object.entries(branches).map(([name, branch]) => [
        name,
        (own: ProgramContext) => branch(meteredContext(own, meter)),
      ]),
    );
  const replaced: Pick<ProgramContext, "step" | "parallel" | "waitAny"> = {
    step: (name, input, work, options) => meteredStep(context, meter, { name, input, work, options }),
    parallel: (branches, options) => context.parallel(wrapAll(branches) as typeof branches, options),
    waitAny: (branches, options) => context.waitAny(wrapAll(branches) as typeof branches, options),
  };
  return new Proxy(context, {
    get(target, key) {
      if (Object.hasOwn(replaced, key)) return replaced[key as keyof typeof replaced];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function meteredStep<Input, Result>(
  context: ProgramContext,
  meter: Meter,
  asked: {
    readonly name: string;
    readonly input: Input;
    readonly work: (input: Input, step: StepContext) => Result | Promise<Result>;
    readonly options: StepOptions<Awaited<Result>> | undefined;
  },
): Promise<Awaited<Result>> {
  const { name, input, work, options: { compensate, live, budget, ...options } = {} } = asked;
  const used: Record<Counted, number> = { tokens: 0, dollars: 0, toolCalls: 0, sandboxSeconds: 0 };
  const compare = live?.compare;
  const counting = async (given: Input, step: StepContext): Promise<Metered<Awaited<Result>>> => {
    const spend = (more: Partial<Usage>) => {
      for (const what of COUNTED) used[what] += more[what] ?? 0;
      step.spend(more);
    };
    const result = await work(given, { ...step, spend });
    return { result, used: meter.limited(used) };
  };
  const metered: StepOptions<Metered<Awaited<Result>>> = {
    ...options,
    budget: meter.left(budget),
    ...(compensate !== undefined && {
      compensate: (kept: Metered<Awaited<Result>>, step: StepContext) => compensate(kept.result, step),
    }),
    ...(live !== undefined && {
      live: {
        compare: (kept: Metered<Awaited<Result>>) => (compare === undefined ? kept.result : compare(kept.result)),
      },
    }),
  };
  try {
    const { result, used: counted } = (await context.step(name, input, counting, metered)) as Metered<Awaited<Result>>;
    meter.add(counted);
    meter.check();
    return result;
  } catch (error) {
    throw meter.explain(error, budget);
  }
}

function exceeded(of: string, what: keyof Budget, limit: number, used: number): GloveboxError {
  return new GloveboxError("budget_exceeded", `the budget of ${of} is used up: ${what} ${used} of ${limit}`, {
    details: { of, what, limit, used },
  });
}
