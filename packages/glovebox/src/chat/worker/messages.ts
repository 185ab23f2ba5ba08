import type { ErrorBody, Language } from "../../core/index.ts";
import type { Extraction, ExtractOptions } from "../extraction/types.ts";
import type { Import } from "../hooks/builtin/dependencies/imports.ts";
import type { InjectionPassage } from "../hooks/builtin/injection/find-injections.ts";
import type { Validation, ValidationSettings } from "../validation/types.ts";

/** What a thread is asked, and what it answers. */
export interface Work {
  readonly extract: {
    readonly asked: { readonly text: string; readonly options: ExtractOptions };
    readonly answer: Extraction;
  };
  readonly validate: {
    readonly asked: { readonly code: string; readonly language: Language; readonly settings: ValidationSettings };
    readonly answer: Validation;
  };
  readonly imports: {
    readonly asked: { readonly code: string; readonly language: Language };
    readonly answer: readonly Import[];
  };
  readonly injections: {
    readonly asked: { readonly texts: readonly string[]; readonly threshold: number };
    /** Of each text. */
    readonly answer: readonly (readonly InjectionPassage[])[];
  };
}

export type Kind = keyof Work;

export type Request = { [K in Kind]: { readonly kind: K; readonly asked: Work[K]["asked"] } }[Kind];

export type Reply =
  | { readonly ok: true; readonly answer: Work[Kind]["answer"] }
  | { readonly ok: false; readonly error: ErrorBody };
