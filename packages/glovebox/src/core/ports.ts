/** Small interfaces through which every room reaches `telemetry` and `governance` without importing them. */

export interface Logger {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
  child(fields: Record<string, unknown>): Logger;
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

/** Masks secrets in what is stored, logged or answered. */
export interface Redactor {
  /** A whole text. Linear in its length. */
  redact(text: string): string;
  /** Every string in a JSON value, keys left alone. */
  redactJson<T>(value: T): T;
  /** This redactor, which masks these values too, wherever they appear: raw, base64 (also within a longer base64 text) and URL-encoded. */
  withValues(values: readonly string[]): Redactor;
  /** A text that arrives in pieces: a secret that is split across pieces is still found. */
  stream(): RedactorStream;
}

export interface RedactorStream {
  /** Takes the next piece and gives back what is certain by now; the rest is held back (64 KiB at most). */
  push(piece: string): string;
  /** Gives back all that was held. */
  flush(): string;
  /** UTF-8 bytes of the pushed text that are held back and not yet given out. */
  readonly heldBytes: number;
}
