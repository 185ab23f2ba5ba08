import type { CodeLanguage } from "../code/code-file.ts";
import type { OutlinedFunction, OutlinedParam } from "../code/outline/types.ts";
import type { PlainValue } from "./plain-value.ts";

const text = (value: string): PlainValue => ({ text: value });
const float = (value: string): PlainValue => ({ float: value });
const list = (...items: PlainValue[]): PlainValue => ({ list: items });

/** At the edges of a type: empty, zero, one, negative, large, ordinary. */
const BOUNDARIES: Readonly<Record<"integer" | "float" | "number" | "text" | "boolean", readonly PlainValue[]>> = {
  integer: [0, 1, -1, 7, 2 ** 31],
  float: [float("0.0"), float("1.5"), float("-2.0"), float("1000000.0")],
  number: [0, 1, -1, 2.5, 2 ** 31],
  text: [text(""), text("a"), text("Hello World"), text("äöü")],
  boolean: [false, true],
};

export interface KnownParam {
  readonly values: readonly PlainValue[];
  /** What random values are made of in property tests. */
  readonly kind: keyof typeof BOUNDARIES | `${keyof typeof BOUNDARIES}s`;
}

function scalarOf(type: string, language: CodeLanguage): keyof typeof BOUNDARIES | undefined {
  if (language === "python") return ({ int: "integer", float: "float", str: "text", bool: "boolean" } as const)[type];
  return ({ number: "number", string: "text", boolean: "boolean" } as const)[type];
}

/** The values to try for a parameter, by its type or its default; `undefined` when nothing says what it takes. */
export function knownParam({ type, default: value }: OutlinedParam, language: CodeLanguage): KnownParam | undefined {
  const plain = (type ?? typeOfLiteral(value ?? "", language))?.replace(/\s+/g, "");
  if (plain === undefined) return undefined;
  const kind = scalarOf(plain, language);
  if (kind !== undefined) return { values: BOUNDARIES[kind], kind };
  const item =
    /^(?:(?:list|List|Sequence|Iterable|tuple|Array|ReadonlyArray)[[<](\w+)[\]>]|(?:readonly)?(\w+)\[\])$/.exec(plain);
  const ofItem = scalarOf(item?.[1] ?? item?.[2] ?? "", language);
  if (ofItem === undefined || plain.startsWith("tuple")) return undefined;
  const [one, two, three] = BOUNDARIES[ofItem];
  const items = [one ?? null, two ?? null, three ?? two ?? null];
  return {
    values: [list(), list(items[1] ?? null), list(...items), list(...items.toReversed(), ...items)],
    kind: `${ofItem}s`,
  };
}

function typeOfLiteral(literal: string, language: CodeLanguage): string | undefined {
  if (/^-?\d+$/.test(literal)) return language === "python" ? "int" : "number";
  if (/^-?\d+\.\d+$/.test(literal)) return language === "python" ? "float" : "number";
  if (/^(True|False|true|false)$/.test(literal)) return language === "python" ? "bool" : "boolean";
  if (/^(["']).*\1$/.test(literal)) return language === "python" ? "str" : "string";
  return undefined;
}

const MAX_CASES = 8;

/** Arguments for a function: every value of every parameter comes up, with another one of the others each time. `undefined` when a parameter is not known. */
export function casesOf(
  { params }: OutlinedFunction,
  language: CodeLanguage,
): readonly (readonly PlainValue[])[] | undefined {
  const known: KnownParam[] = [];
  for (const param of params) {
    if (param.kind === "rest" || param.kind === "keyword_rest" || param.kind === "keyword_only") {
      if (!param.optional) return undefined;
      continue;
    }
    const one = knownParam(param, language);
    if (one === undefined) {
      if (!param.optional) return undefined;
      break;
    }
    known.push(one);
  }
  if (known.length === 0) return [[]];
  const count = Math.min(MAX_CASES, Math.max(...known.map(({ values }) => values.length)) + 2);
  return Array.from({ length: count }, (_, row) =>
    known.map(({ values }, at) => values[(row * (at + 1) + at) % values.length] ?? null),
  );
}

/** Values to try where nothing says what a function takes, one kind after the other. */
export function guessesOf(
  { params }: OutlinedFunction,
  language: CodeLanguage,
): readonly (readonly (readonly PlainValue[])[])[] {
  const needed = params.filter(({ optional }) => !optional).length;
  const kinds = [language === "python" ? "integer" : "number", "text"] as const;
  return kinds.map((kind) => {
    const values = BOUNDARIES[kind].slice(1);
    return values.map((_, row) =>
      Array.from({ length: needed }, (_one, at) => values[(row + at) % values.length] ?? null),
    );
  });
}
