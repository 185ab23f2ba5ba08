import { GloveboxError, type Logger } from "../../core/index.ts";
import { outsideProgram, type ProgramWatch } from "./guard.ts";

const MAX_SITES = 1000;
/** `at name (file:line:column)`, of the frame that is not ours. */
const OURS = /[/\\]engine[/\\]guard[/\\](guard|watch-globals|determinism-guard)\.[jt]s/;

/** Tells, once for each place in the code, of a program that uses the clock, chance, files, processes or the network outside a step; or, when strict, throws. */
export class DeterminismGuard {
  readonly #logger: Logger;
  readonly #strict: boolean;
  readonly #told = new Set<string>();

  constructor(logger: Logger, strict: boolean) {
    this.#logger = logger;
    this.#strict = strict;
  }

  /** For one program. Strict: `invalid_argument` is thrown where it happens. */
  watch(program: string): ProgramWatch {
    return {
      caught: (what) => {
        const message = `program ${program} uses ${what} outside a step: a replay would see or do something else; use its context instead`;
        if (this.#strict) throw new GloveboxError("invalid_argument", message, { details: { program, what } });
        const site = callSite();
        const key = `${what} ${site}`;
        if (this.#told.has(key) || this.#told.size >= MAX_SITES) return;
        this.#told.add(key);
        // The logger may look at the clock and write files.
        outsideProgram(() => this.#logger.warn({ program, what, site }, message));
      },
    };
  }
}

function callSite(): string {
  const frames = (new Error("site").stack ?? "").split("\n").slice(1);
  return (frames.find((frame) => !OURS.test(frame)) ?? "").trim();
}
