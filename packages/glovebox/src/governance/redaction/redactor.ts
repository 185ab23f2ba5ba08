import type { Redactor, RedactorStream } from "../../core/index.ts";
import { EmailFinder } from "./email-finder.ts";
import { FieldPaths } from "./field-paths.ts";
import { JsonMasker } from "./json-masker.ts";
import { MaskingStream } from "./masking-stream.ts";
import { Scanner } from "./scanner.ts";
import type { Finder } from "./spans.ts";
import { ValueFinder, valueTable } from "./values/value-finder.ts";

/**
 * `off`, for trusted local use, masks nothing but values that were given. `default` masks what looks like a credential. `strict` masks
 * e-mail addresses too, mere words that are assigned to the name of a secret, and whatever stands in a field of such a name.
 */
export type RedactionProfile = "off" | "default" | "strict";

export interface RedactorOptions {
  /** Masks e-mail addresses. Default: in `strict` alone; for what goes to a chat. The last word of a stream waits for its end then. */
  readonly emails?: boolean;
  /** Fields of JSON whose values are masked whole, e.g. `**.pin` ({@link FieldPaths}). No effect in `off`. Default: none. */
  readonly fields?: readonly string[];
}

/** The redactor of a profile. Errors: `invalid_argument` for a wrong path in `fields`. */
export function createRedactor(profile: RedactionProfile, options: RedactorOptions = {}): Redactor {
  const emails = options.emails ?? profile === "strict";
  return new MaskingRedactor({
    profile,
    emails: emails && profile !== "off",
    fields: new FieldPaths(profile === "off" ? [] : (options.fields ?? [])),
    values: [],
  });
}

interface Settings {
  readonly profile: RedactionProfile;
  readonly emails: boolean;
  readonly fields: FieldPaths;
  readonly values: readonly string[];
}

class MaskingRedactor implements Redactor {
  readonly #settings: Settings;
  readonly #finders: () => Finder[];
  readonly #json: JsonMasker | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    const { profile, emails } = settings;
    const table = valueTable(settings.values);
    const values = (): Finder[] => (table === undefined ? [] : [new ValueFinder(table)]);
    this.#finders = () => [
      ...(profile === "off" ? [] : [new Scanner({ words: profile === "strict" })]),
      ...(emails ? [new EmailFinder()] : []),
      ...values(),
    ];
    if (profile === "off" && table === undefined) return;
    this.#json = new JsonMasker({
      redact: (text) => this.redact(text),
      redactKey: table === undefined ? undefined : (key) => redactWith(values, key),
      paths: settings.fields,
      wholeFields: profile === "strict",
      names: profile !== "off",
    });
  }

  redact(text: string): string {
    return redactWith(this.#finders, text);
  }

  redactJson<T>(value: T): T {
    return this.#json === undefined ? value : (this.#json.mask(value) as T);
  }

  withValues(values: readonly string[]): Redactor {
    return new MaskingRedactor({ ...this.#settings, values: [...this.#settings.values, ...values] });
  }

  stream(): RedactorStream {
    return new MaskingStream(this.#finders);
  }
}

/** Shorter texts have neither a secret nor a value. */
const SHORTEST = 6;

function redactWith(finders: () => Finder[], text: string): string {
  return text.length < SHORTEST ? text : MaskingStream.redact(text, finders);
}
