import type { Logger, Redactor } from "../../../core/index.ts";

/** What built-in hooks need of the house. */
export interface BuiltinHookServices {
  readonly log: Logger;
  /** One that masks credentials, by the profile `default` or `strict`, and e-mail addresses when they are asked for. */
  redactor(masks: { readonly strict: boolean; readonly emails: boolean }): Redactor;
}
