import { GloveboxError } from "../../../core/index.ts";
import type { CodeLanguage } from "../../code/code-file.ts";
import { inCase } from "../../layout/layout.ts";
import { type FunctionSpec, Name } from "../function-spec.ts";
import { GOAL_ROWS, type GoalRow, type GoalType } from "./goal-rows.ts";

const TYPES: Readonly<Record<"python" | "typescript", Readonly<Record<GoalType, string>>>> = {
  python: {
    number: "float",
    integer: "int",
    string: "str",
    boolean: "bool",
    numbers: "list[float]",
    strings: "list[str]",
  },
  typescript: {
    number: "number",
    integer: "number",
    string: "string",
    boolean: "boolean",
    numbers: "readonly number[]",
    strings: "readonly string[]",
  },
};
/** What is returned belongs to who asked. */
const RETURNED: Readonly<Partial<Record<GoalType, string>>> = { numbers: "number[]", strings: "string[]" };

const COUNTS: Readonly<Record<string, number>> = { two: 2, "2": 2, three: 3, "3": 3, four: 4, "4": 4, five: 5, "5": 5 };
const PARAMS = ["a", "b", "c", "d", "e"];
/** Numbers that give something else for every operation, and stay exact in every order. */
const SAMPLES = [
  [2, 3, 5, 7, 11],
  [-1, 4, 3, 2, 1],
  [0.5, 0.25, 2, 4, 8],
];

interface Arithmetic {
  readonly words: RegExp;
  readonly name: string;
  readonly doc: string;
  readonly python: (params: readonly string[]) => string;
  readonly javascript: (params: readonly string[]) => string;
  readonly of: (values: readonly number[]) => number;
}

const joined = (sign: string) => (params: readonly string[]) => `return ${params.join(` ${sign} `)}`;
const called = (name: string) => (params: readonly string[]) => `return ${name}(${params.join(", ")})`;

/** Over two to five numbers. */
const ARITHMETIC: readonly Arithmetic[] = [
  {
    words: /^(add|sum|add up|sum of|find sum of)$/,
    name: "add",
    doc: "sum",
    python: joined("+"),
    javascript: joined("+"),
    of: (all) => all.reduce((a, b) => a + b),
  },
  {
    words: /^(multiply|product of|find product of)$/,
    name: "multiply",
    doc: "product",
    python: joined("*"),
    javascript: joined("*"),
    of: (all) => all.reduce((a, b) => a * b),
  },
  {
    words: /^((find|get|return) )?(largest|greatest|maximum|max|larger|greater|bigger|biggest) of$/,
    name: "maximum",
    doc: "largest",
    python: called("max"),
    javascript: called("Math.max"),
    of: (all) => Math.max(...all),
  },
  {
    words: /^((find|get|return) )?(smallest|least|minimum|min|smaller|lesser) of$/,
    name: "minimum",
    doc: "smallest",
    python: called("min"),
    javascript: called("Math.min"),
    of: (all) => Math.min(...all),
  },
];

/**
 * A goal in words as the function that it asks for, by the grammar of `docs/reference/agents.md`: `[create a function that] <what it does> [called <name>]`. What it
 * cannot read it refuses: `invalid_argument`, with the form that works for anything.
 */
export function readGoal(goal: string, language: CodeLanguage): FunctionSpec {
  const { words, name } = partsOf(goal);
  const row = arithmeticOf(words) ?? GOAL_ROWS.find((one) => one.goal.test(words));
  if (row === undefined) throw unreadable(goal);
  return specOf(row, name, language);
}

function partsOf(goal: string): { words: string; name: string | undefined } {
  let words = goal
    .slice(0, 500)
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[.!]+$/, "");
  const named = / (?:called|named) [`'"]?([A-Za-z_][A-Za-z0-9_]*)[`'"]?$/.exec(words);
  if (named !== null) words = words.slice(0, named.index);
  words = words
    .toLowerCase()
    .replace(
      /^(please )?((add|create|write|implement|make|provide|define) )?(an? |the )?(new )?function (that|which|to|for) (can )?/,
      "",
    )
    .replace(/\b(a|an|the|given|its) /g, "")
    .replace(
      /^(adds|sums|multiplies|subtracts|divides|squares|cubes|doubles|halves|reverses|counts|sorts|finds|returns|gets|checks|tells|tests|computes|calculates|converts|concatenates|joins|repeats|greets|clamps|removes)\b/,
      bareVerb,
    );
  return { words: words.trim(), name: named?.[1] };
}

const ES = /(multipli|divid|squar|cub|doubl|halv|revers|remov|comput|calculat|concatenat)es$/;

function bareVerb(verb: string): string {
  if (verb === "multiplies") return "multiply";
  return ES.test(verb) ? verb.slice(0, -1) : verb.replace(/s$/, "");
}

function arithmeticOf(words: string): GoalRow | undefined {
  const parts = /^(.+?) (two|three|four|five|[2-5]) (?:numbers|values)$/.exec(words);
  const row = ARITHMETIC.find((one) => one.words.test(parts?.[1] ?? ""));
  const count = COUNTS[parts?.[2] ?? ""];
  if (row === undefined || count === undefined) return undefined;
  const names = PARAMS.slice(0, count);
  const listed = names.map((one) => `\`${one}\``);
  return {
    goal: /^$/,
    name: row.name,
    params: Object.fromEntries(names.map((one) => [one, "number"])),
    returns: "number",
    doc: `Return the ${row.doc} of ${listed.slice(0, -1).join(", ")} and ${listed.at(-1)}.`,
    python: row.python(names),
    javascript: `${row.javascript(names)};`,
    examples: SAMPLES.map((sample) => sample.slice(0, count)).map((args) => ({ args, returns: row.of(args) })),
  };
}

function specOf(row: GoalRow, name: string | undefined, language: CodeLanguage): FunctionSpec {
  const types = language === "javascript" ? undefined : TYPES[language];
  const returns = language === "typescript" ? (RETURNED[row.returns] ?? types?.[row.returns]) : types?.[row.returns];
  const given = name === undefined ? undefined : Name.safeParse(name);
  if (given?.success === false) throw new GloveboxError("invalid_argument", `no function can be called ${name}`);
  return {
    name: given?.data ?? inCase(row.name, language === "python" ? "snake" : "camel"),
    params: Object.entries(row.params).map(([param, type]) => ({ name: param, ...(types && { type: types[type] }) })),
    ...(returns !== undefined && { returns }),
    doc: row.doc,
    body: language === "python" ? row.python : row.javascript,
    examples: [...row.examples],
  };
}

function unreadable(goal: string): GloveboxError {
  return new GloveboxError(
    "invalid_argument",
    `without a model the goal ${JSON.stringify(goal.slice(0, 200))} cannot be read: say the function itself, or configure a model`,
    {
      details: {
        path: "goal",
        readable: [
          "add two numbers",
          "check whether a number is prime",
          "reverse a string",
          "find the largest of three numbers called best",
        ],
        instead: {
          function: {
            name: "add",
            params: [
              { name: "a", type: "…" },
              { name: "b", type: "…" },
            ],
            returns: "…",
            doc: "What it does.",
            body: "return a + b",
            examples: [{ args: [1, 2], returns: 3 }],
          },
        },
      },
    },
  );
}
