/**
 * Running code without a server and without a store: what `glovebox run` is made of. Loads neither the store nor zod.
 */

export { openRepl, type Repl, type ReplOptions } from "./one-shot/open-repl.ts";
export { type OnceOptions, runOnce } from "./one-shot/run-once.ts";
export type { OnceResult } from "./one-shot/work-once.ts";
