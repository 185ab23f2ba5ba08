import type { Redactor, RedactorStream } from "../../core/index.ts";
import { MASK, Scanner } from "./scanner.ts";
import { isSecretName } from "./secret-name.ts";

/** `off` for trusted local use; `default` masks what looks like a credential. */
export type RedactionProfile = "off" | "default";

/** Strings shorter than any secret are not looked at. */
const SHORTEST = 6;
const MAX_DEPTH = 64;

/** The redactor of a profile. */
export function createRedactor(profile: RedactionProfile): Redactor {
  return profile === "off" ? untouched : masking;
}

const untouched: Redactor = {
  redact: (text) => text,
  redactJson: (value) => value,
  stream: () => ({ push: (piece) => piece, flush: () => "", heldBytes: 0 }),
};

const masking: Redactor = {
  redact,
  redactJson: <T>(value: T): T => redactValue(value, 0) as T,
  stream: () => new ScannerStream(),
};

function redact(text: string): string {
  return text.length < SHORTEST ? text : new Scanner().push(text, true);
}

/** A string under a name such as `password` is masked whole. What has nothing to mask comes back as the same object. */
function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return MASK;
  if (Array.isArray(value)) {
    const items = value.map((item) => redactValue(item, depth + 1));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  let copy: Record<string, unknown> | undefined;
  for (const [key, item] of Object.entries(value)) {
    const isSecret = typeof item === "string" && item.length >= SHORTEST && isSecretName(key);
    const masked = isSecret ? MASK : redactValue(item, depth + 1);
    if (masked === item) continue;
    copy ??= { ...value };
    copy[key] = masked;
  }
  return copy ?? value;
}

class ScannerStream implements RedactorStream {
  readonly #scanner = new Scanner();

  push(piece: string): string {
    return piece === "" ? "" : this.#scanner.push(piece, false);
  }

  flush(): string {
    return this.#scanner.push("", true);
  }

  get heldBytes(): number {
    return Buffer.byteLength(this.#scanner.held, "utf8");
  }
}
