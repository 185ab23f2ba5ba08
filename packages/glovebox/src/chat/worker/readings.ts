import type { Language } from "../../core/index.ts";
import { extract } from "../extraction/extract.ts";
import type { ExtractOptions } from "../extraction/types.ts";
import { readImports } from "../hooks/builtin/dependencies/imports.ts";
import { findInjections } from "../hooks/builtin/injection/find-injections.ts";
import type { ValidationSettings } from "../validation/types.ts";
import { validate } from "../validation/validate.ts";

/** What chat's threads can be asked for. */
export const readings = {
  extract: ({ text, options }: { readonly text: string; readonly options: ExtractOptions }) => extract(text, options),
  validate: ({
    code,
    language,
    settings,
  }: {
    readonly code: string;
    readonly language: Language;
    readonly settings: ValidationSettings;
  }) => validate(code, language, settings),
  imports: ({ code, language }: { readonly code: string; readonly language: Language }) => readImports(code, language),
  /** The answer is of each text. */
  injections: ({ texts, threshold }: { readonly texts: readonly string[]; readonly threshold: number }) =>
    texts.map((text) => findInjections(text, threshold)),
};
