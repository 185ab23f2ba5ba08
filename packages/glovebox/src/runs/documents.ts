import type {
  AddResult,
  ContextDocument,
  ContextStore,
  DocumentInput,
  PastState,
  SearchInput,
  SearchResult,
  WrittenDocument,
} from "../context/index.ts";
import { isGloveboxError } from "../core/index.ts";
import type { ProgramContext, StepContext } from "../engine/index.ts";

/** A document as a run writes it. What is no part of a version (an end, a pin) is left to people: a rollback could not take it back. */
export type RunDocument = Omit<DocumentInput, "expiresAt" | "pinned" | "origin"> & {
  /** Default: the run. */
  readonly origin?: string;
};

/**
 * The context store of a run's tenant, as its program uses it: every call is a step, done once and found again in a replay. What is written is known as the run's, and is taken back with it. What a step is
 * given is what the journal keeps of it: secrets are masked.
 */
export class RunDocuments {
  readonly #store: ContextStore;

  constructor(store: ContextStore) {
    this.#store = store;
  }

  /** All or none. Errors: as of `ContextStore.add`. */
  add(run: ProgramContext, name: string, documents: readonly RunDocument[]): Promise<AddResult> {
    return run.step(name, { documents }, async (given, step) => {
      const inputs = given.documents.map((document) => ({ origin: `run:${step.runId}`, ...document }));
      const added = await this.#store.add(run.tenantId, inputs, { runId: step.runId, signal: step.signal });
      await keepRevision(this.#store, step);
      return added;
    });
  }

  /** Ends a document; what it was stays readable. One that is not there is left at that: resolves to nothing. */
  remove(run: ProgramContext, name: string, id: string): Promise<WrittenDocument | null> {
    return run.step(name, { id }, async (given, step) => {
      const by = { origin: `run:${step.runId}`, runId: step.runId, signal: step.signal };
      const written = await this.#store.remove(run.tenantId, given.id, by).catch((error: unknown) => {
        if (isGloveboxError(error, "not_found")) return null;
        throw error;
      });
      await keepRevision(this.#store, step);
      return written;
    });
  }

  /** `not_found` when there is none, or none at that time. */
  get(
    run: ProgramContext,
    name: string,
    id: string,
    choice: { readonly version?: number; readonly at?: PastState } = {},
  ): Promise<ContextDocument> {
    return run.step(name, { id, choice }, (given) => this.#store.get(run.tenantId, given.id, given.choice));
  }

  search(run: ProgramContext, name: string, input: SearchInput): Promise<SearchResult> {
    return run.step(name, input, (given, step) => this.#store.search(run.tenantId, given, step.signal));
  }
}

/**
 * Says in the journal up to which revision of the context store what the run wrote holds, once a step has written. Steps that wrote before it had begun before it: when it holds, they hold
 * or are done again.
 */
export async function keepRevision(store: Pick<ContextStore, "revision">, step: StepContext): Promise<void> {
  step.record("snapshot.taken", { contextRevision: await store.revision() });
}
