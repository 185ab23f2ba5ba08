import type { Execution, Language, StoredEvent } from "../../core/index.ts";

export interface EvaluateHooks {
  readonly signal: AbortSignal;
  readonly onEvent: (event: StoredEvent) => Promise<void>;
}

/** What evaluates the lines of a REPL: a session of a server, or one of this process. */
export interface ReplBackend extends AsyncDisposable {
  /** The languages it has, the first being the default. */
  readonly languages: readonly Language[];
  /** In words, for the greeting. */
  readonly where: string;
  evaluate(code: string, language: Language, hooks: EvaluateHooks): Promise<Execution>;
}
