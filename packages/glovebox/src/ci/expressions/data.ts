import { data } from "@actions/expressions";
import type { ExpressionData } from "@actions/expressions/data/expressiondata";
import type { JsonValue } from "../../engine/index.ts";
import { invalid } from "./invalid.ts";
import { numberToText, textToNumber } from "./number-text.ts";

export type { ExpressionData };

/** A text of an expression; its number is GitHub's, not JavaScript's (`0b11` is none). */
export class TextData extends data.StringData {
  override number(): number {
    return textToNumber(this.value);
  }
}

/** A number of an expression; its text is GitHub's. */
export class NumericData extends data.NumberData {
  override coerceString(): string {
    return numberToText(this.value);
  }
}

/**
 * An object of a context. Its values are converted when they are asked for: an event's payload has a thousand fields, an expression reads one.
 * The library's own class would lose keys such as `constructor`.
 */
class ObjectData extends data.Dictionary {
  readonly #source: Readonly<Record<string, JsonValue | undefined>>;
  #names: Map<string, string> | undefined;
  readonly #converted = new Map<string, ExpressionData>();

  constructor(source: Readonly<Record<string, JsonValue | undefined>>) {
    super();
    this.#source = source;
  }

  override add(): void {
    throw new Error("A context cannot be changed by an expression.");
  }

  override get(key: string): ExpressionData | undefined {
    this.#names ??= namesOf(this.#source);
    const name = this.#names.get(key.toLowerCase());
    return name === undefined ? undefined : this.#value(name);
  }

  override values(): ExpressionData[] {
    return this.pairs().map(({ value }) => value);
  }

  override pairs(): { key: string; value: ExpressionData }[] {
    this.#names ??= namesOf(this.#source);
    return [...this.#names.values()].map((key) => ({ key, value: this.#value(key) }));
  }

  #value(name: string): ExpressionData {
    let value = this.#converted.get(name);
    if (value === undefined) {
      value = toData(this.#source[name]);
      this.#converted.set(name, value);
    }
    return value;
  }
}

/** Of names that differ by case only, the first one stands. */
function namesOf(source: Readonly<Record<string, JsonValue | undefined>>): Map<string, string> {
  const names = new Map<string, string>();
  for (const name of Object.keys(source)) {
    const lower = name.toLowerCase();
    if (source[name] !== undefined && !names.has(lower)) names.set(lower, name);
  }
  return names;
}

/** A list; its items are converted at once, since each is looked at by almost every use. */
class ListData extends data.Array {
  constructor(source: readonly JsonValue[]) {
    super();
    for (const item of source) this.add(toData(item));
  }
}

/** JSON as an expression sees it. */
export function toData(value: JsonValue | undefined): ExpressionData {
  if (value === null || value === undefined) return new data.Null();
  if (typeof value === "string") return new TextData(value);
  if (typeof value === "number") return new NumericData(value);
  if (typeof value === "boolean") return new data.BooleanData(value);
  return isList(value) ? new ListData(value) : new ObjectData(value);
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Deeper than anything that JSON from a forge has. */
const MAX_DEPTH = 100;

/** An expression's result as JSON. NaN and the infinities, which JSON lacks, become texts. */
export function fromData(value: ExpressionData, depth = 0): JsonValue {
  if (depth > MAX_DEPTH) throw invalid(`a value is nested more than ${MAX_DEPTH} deep`);
  if (value instanceof data.Null) return null;
  if (value instanceof data.BooleanData || value instanceof data.StringData) return value.value;
  if (value instanceof data.NumberData) return Number.isFinite(value.value) ? value.value : numberToText(value.value);
  if (value instanceof data.Array) return value.values().map((item) => fromData(item, depth + 1));
  return Object.fromEntries(value.pairs().map((pair) => [pair.key, fromData(pair.value, depth + 1)]));
}
