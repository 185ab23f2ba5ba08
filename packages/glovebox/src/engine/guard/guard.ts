import { AsyncLocalStorage } from "node:async_hooks";

/** What happens when a program does something that it could not repeat. */
export interface ProgramWatch {
  /** `what` as a program would write it: `Date.now()`. May throw into the program. */
  caught(what: string): void;
}

const watching = new AsyncLocalStorage<ProgramWatch | undefined>();

/** Runs a program's own code, up to whatever its context does for it. */
export function insideProgram<T>(watch: ProgramWatch | undefined, work: () => T): T {
  return watching.run(watch, work);
}

/** Runs what may use the clock, chance and the network in the midst of a program: steps, and the engine itself. */
export function outsideProgram<T>(work: () => T): T {
  return watching.getStore() === undefined ? work() : watching.run(undefined, work);
}

/** Called by what is watched before it does its work. */
export function notePeek(what: string): void {
  watching.getStore()?.caught(what);
}
