import { GloveboxError } from "../../core/index.ts";

/** What every expression that cannot be read or evaluated ends in. */
export function invalid(message: string, details?: Readonly<Record<string, unknown>>): GloveboxError {
  return new GloveboxError("invalid_argument", message, details === undefined ? {} : { details });
}
