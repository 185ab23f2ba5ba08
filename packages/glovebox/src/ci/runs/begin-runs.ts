import { type CiRun, type Clock, GloveboxError, isGloveboxError, type Redactor } from "../../core/index.ts";
import type { DurableEngine, Program } from "../../engine/index.ts";
import type { CiRunStore } from "../../store/index.ts";
import {
  type CiRunInput,
  type CiRunOutput,
  newRecord,
  type RunSettings,
  runInputOf,
  type StoredRunInput,
  storedInput,
} from "./run-input.ts";

/** Time that a run gets to end by itself once its own is over, before the engine ends it: milliseconds. */
const GRACE_MS = 600_000;

/** Begins runs: the one way in. */
export class RunStarter {
  readonly #parts: {
    readonly engine: DurableEngine;
    readonly program: Program<StoredRunInput, CiRunOutput>;
    readonly store: CiRunStore;
    readonly clock: Clock;
    readonly redactor: Redactor | undefined;
    readonly ticketKey: Buffer;
    readonly settings: RunSettings;
  };

  constructor(parts: {
    readonly engine: DurableEngine;
    readonly program: Program<StoredRunInput, CiRunOutput>;
    readonly store: CiRunStore;
    readonly clock: Clock;
    readonly redactor: Redactor | undefined;
    readonly ticketKey: Buffer;
    readonly settings: RunSettings;
  }) {
    this.#parts = parts;
  }

  get settings(): RunSettings {
    return this.#parts.settings;
  }

  /** On disk when it resolves. The same key begins one run only: `undefined` when another input has it. */
  async begin(
    tenantId: string,
    input: Omit<CiRunInput, "settings" | "attempt"> & Partial<Pick<CiRunInput, "attempt" | "settings">>,
    options: { readonly idempotencyKey?: string; readonly name?: string } = {},
  ): Promise<CiRun | undefined> {
    const { engine, program, store, clock, redactor, ticketKey, settings } = this.#parts;
    const stored = storedInput({ key: ticketKey, redactor }, tenantId, { attempt: 1, settings, ...input });
    // As the program sees it, also in its first life.
    const full = runInputOf(stored);
    try {
      const { id } = await engine.start(program, stored, {
        tenantId,
        timeoutMs: full.settings.runTimeoutMs + GRACE_MS,
        ...(options.idempotencyKey !== undefined && { idempotencyKey: options.idempotencyKey }),
      });
      const record = newRecord({ id, tenantId, createdAtMs: clock.nowMs() }, full, options.name ?? full.workflow.path);
      return await store.create(record);
    } catch (error) {
      if (options.idempotencyKey !== undefined && isGloveboxError(error, "conflict")) return undefined;
      throw error;
    }
  }

  /** What a run was begun with. `not_found` once its journal was erased. */
  async inputOf(tenantId: string, runId: string): Promise<CiRunInput> {
    for await (const record of this.#parts.engine.journal(tenantId, runId)) {
      if (record.type === "run.started" && record.erased !== true && record.payload.input !== undefined) {
        return runInputOf(record.payload.input as unknown as StoredRunInput);
      }
      break;
    }
    throw new GloveboxError("not_found", `what run ${runId} was begun with is gone`);
  }
}
