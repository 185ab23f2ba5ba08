import type { StepContext } from "../engine/index.ts";

const EVERY_MS = 1_000;

/**
 * Counts the seconds of a sandbox's work towards the run's budget while it goes on, so that a budget that runs out ends the work and not only the next
 * step. The rest of a second is counted at the end.
 */
export function meterSeconds(step: StepContext): Disposable {
  let counted = performance.now();
  const count = () => {
    const now = performance.now();
    const sandboxSeconds = (now - counted) / 1_000;
    counted = now;
    try {
      step.spend({ sandboxSeconds });
    } catch {
      // Used up: the step's signal says so to the work.
    }
  };
  const timer = setInterval(count, EVERY_MS);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      count();
    },
  };
}
