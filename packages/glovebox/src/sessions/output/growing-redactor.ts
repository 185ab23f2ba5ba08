import { GloveboxError, type Redactor, type RedactorStream } from "../../core/index.ts";

/** Values that one session has masked at most, and their characters together: each is looked for in everything it prints. */
const MAX_VALUES = 1_000;
const MAX_CHARS = 4 * 1_048_576;

/** A redactor that learns values while it is in use: streams that are open mask them from their next piece on. */
export class GrowingRedactor implements Redactor {
  readonly #base: Redactor;
  readonly #values = new Set<string>();
  #chars = 0;
  #current: Redactor;

  constructor(base: Redactor) {
    this.#base = base;
    this.#current = base;
  }

  /** What it was taught. */
  get values(): readonly string[] {
    return [...this.#values];
  }

  /** Masks these too, from now on. Those that are known already cost nothing. Errors: `resource_exhausted`, and none of them is masked then. */
  add(values: readonly string[]): void {
    const fresh = [...new Set(values)].filter((value) => value !== "" && !this.#values.has(value));
    if (fresh.length === 0) return;
    const chars = fresh.reduce((sum, { length }) => sum + length, this.#chars);
    if (this.#values.size + fresh.length > MAX_VALUES || chars > MAX_CHARS) {
      throw new GloveboxError("resource_exhausted", `a session masks ${MAX_VALUES} values at most`);
    }
    for (const value of fresh) this.#values.add(value);
    this.#chars = chars;
    this.#current = this.#base.withValues(this.values);
  }

  redact(text: string): string {
    return this.#current.redact(text);
  }

  redactJson<T>(value: T): T {
    return this.#current.redactJson(value);
  }

  withValues(values: readonly string[]): Redactor {
    return this.#current.withValues(values);
  }

  stream(): RedactorStream {
    let used = this.#current;
    let stream = used.stream();
    return {
      push: (piece) => {
        if (used === this.#current) return stream.push(piece);
        const before = stream.flush();
        used = this.#current;
        stream = used.stream();
        return before + stream.push(piece);
      },
      flush: () => stream.flush(),
      get heldBytes() {
        return stream.heldBytes;
      },
    };
  }
}

/** What `from` was taught `to` masks as well. */
export function teachAlso(to: Redactor | undefined, from: Redactor | undefined): void {
  if (to instanceof GrowingRedactor && from instanceof GrowingRedactor) to.add(from.values);
}
