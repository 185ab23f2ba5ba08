import type { FieldPaths, PathState } from "./field-paths.ts";
import { isSecretName } from "./secret-name.ts";
import { MASK } from "./spans.ts";

/** Strings shorter than any secret are left alone under the name of one. */
const SHORTEST = 6;
/** What lies deeper is masked unseen. */
const MAX_DEPTH = 64;

export interface JsonMaskerOptions {
  /** Masks within a string. */
  readonly redact: (text: string) => string;
  /** Masks within a key; absent when keys are left alone. */
  readonly redactKey: ((key: string) => string) | undefined;
  readonly paths: FieldPaths;
  /** Whether names tell fields with secrets. */
  readonly names: boolean;
  /** Masks whatever stands under the name of a secret, also short strings, numbers and objects. */
  readonly wholeFields: boolean;
}

/** Masks JSON values: every string, and what stands in a field whose name or path says that it is a secret. */
export class JsonMasker {
  readonly #options: JsonMaskerOptions;

  constructor(options: JsonMaskerOptions) {
    this.#options = options;
  }

  /** What has nothing to mask comes back as the same object. */
  mask(value: unknown): unknown {
    return this.#mask(value, 0, this.#options.paths.start, false);
  }

  /** `named`: stands, perhaps in a list, in a field with the name of a secret. */
  #mask(value: unknown, depth: number, state: PathState, named: boolean): unknown {
    if (typeof value === "string") {
      return named && value.length >= SHORTEST ? MASK : this.#options.redact(value);
    }
    if (typeof value !== "object" || value === null) return value;
    if (depth >= MAX_DEPTH) return MASK;
    return Array.isArray(value) ? this.#list(value, depth, state, named) : this.#fields(value, depth, state);
  }

  #list(list: readonly unknown[], depth: number, state: PathState, named: boolean): unknown {
    const { paths } = this.#options;
    let changed = false;
    const items = list.map((item, index) => {
      const next = paths.step(state, String(index));
      const masked = paths.isMasked(next) ? whole(item) : this.#mask(item, depth + 1, next, named);
      changed ||= masked !== item;
      return masked;
    });
    return changed ? items : list;
  }

  #fields(fields: object, depth: number, state: PathState): unknown {
    const { names, paths, redactKey, wholeFields } = this.#options;
    let changed = false;
    const told = names && isToldByName(fields);
    const entries = Object.entries(fields).map(([key, item]): [string, unknown] => {
      const next = paths.step(state, key);
      const named = names && (isSecretName(key) || (told && key === "value"));
      const isWhole = paths.isMasked(next) || (named && wholeFields);
      const masked = isWhole ? whole(item) : this.#mask(item, depth + 1, next, named);
      const name = redactKey === undefined ? key : redactKey(key);
      changed ||= masked !== item || name !== key;
      return [name, masked];
    });
    return changed ? Object.fromEntries(distinct(entries)) : fields;
  }
}

/** `{"name": "DB_PASSWORD", "value": …}`, as containers have their environment. */
function isToldByName(fields: object): boolean {
  if (!("value" in fields)) return false;
  const name = "name" in fields ? fields.name : "key" in fields ? fields.key : undefined;
  return typeof name === "string" && isSecretName(name);
}

/** Nothing is told by nothing, so it stays. */
function whole(value: unknown): unknown {
  return value === null || value === undefined || value === "" ? value : MASK;
}

/** Masked keys may have become the same; each field is kept. */
function distinct(entries: readonly [string, unknown][]): [string, unknown][] {
  const counts = new Map<string, number>();
  return entries.map(([key, value]) => {
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return [count === 1 ? key : `${key} (${count})`, value];
  });
}
