import type { ProgramContext, StepContext } from "../../engine/index.ts";

/** Stands around the work of every step that really is done: not in a replay, nor for what the journal answers. */
export type AroundWork = <T>(work: () => T | Promise<T>, step: StepContext) => Promise<T>;

/** A context whose steps' work goes through `around`; all else is the context's own. */
export function watchedContext(context: ProgramContext, around: AroundWork): ProgramContext {
  return {
    runId: context.runId,
    tenantId: context.tenantId,
    get signal() {
      return context.signal;
    },
    step: (name, input, work, options) =>
      context.step(name, input, (given, step) => around(() => work(given, step), step), options as never),
    parallel: (branches, options) => context.parallel(branches, options),
    waitAny: (branches, options) => context.waitAny(branches, options),
    sleep: (ms) => context.sleep(ms),
    waitFor: (signal, options) => context.waitFor(signal, options),
    child: (program, input, options) => context.child(program, input, options),
    now: () => context.now(),
    random: () => context.random(),
    uuid: () => context.uuid(),
    budget: () => context.budget(),
    note: (note) => context.note(note),
  };
}
