import { GloveboxError } from "../../core/index.ts";
import type { DurableEngine, Program } from "../../engine/index.ts";
import type { ModelProvider } from "../../models/index.ts";
import { type TranslationInput, type TranslationOutcome, translationProgram } from "./translation-program.ts";

/** What a file would be as shell steps, and the run whose journal has the question and the answer. */
export interface CiTranslation extends TranslationOutcome {
  readonly runId: string;
}

/** Model-assisted translation. Off without a model: nobody is asked, and nothing that runs changes. */
export class CiTranslate {
  readonly #engine: DurableEngine;
  readonly #program: Program<TranslationInput, TranslationOutcome> | undefined;

  constructor(engine: DurableEngine, model?: { readonly provider: ModelProvider; readonly name: string }) {
    this.#engine = engine;
    this.#program = model === undefined ? undefined : translationProgram(model.provider, model.name);
    if (this.#program !== undefined) engine.register(this.#program as Program);
  }

  /** Errors: `unavailable` where no model is configured, `invalid_argument`. What goes wrong with the model is in the result. */
  async translate(tenantId: string, file: TranslationInput, signal: AbortSignal): Promise<CiTranslation> {
    if (this.#program === undefined) {
      throw new GloveboxError("unavailable", "no model is configured that translates", {
        details: { hint: "set ci.translate.model" },
      });
    }
    const { id } = await this.#engine.start(this.#program, file, { tenantId });
    const outcome = (await this.#engine.result(tenantId, id, signal)) as TranslationOutcome;
    return { runId: id, ...outcome };
  }
}
