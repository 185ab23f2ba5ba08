import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import { condition, isTruthy } from "./condition.ts";
import type { Contexts, Functions } from "./contexts.ts";
import { evaluate } from "./evaluate.ts";
import { hashFilesCalls, hashFilesCallsOf } from "./hash-files-calls.ts";
import { evaluateTemplated, interpolate } from "./interpolate.ts";
import { numberToText } from "./number-text.ts";
import { ACCESS, CONTEXT, ERRORS, FUNCTIONS, OPERATORS } from "./testdata/facts.ts";

const contexts: Contexts = CONTEXT;

describe.each([
  ["literals and contexts", ACCESS],
  ["operators", OPERATORS],
  ["functions", FUNCTIONS],
])("%s", (_, facts) => {
  test.each(facts)("%s", (expression, expected) => {
    expect(evaluate(expression, contexts)).toEqual(expected);
  });
});

test.each(ERRORS)("%s is refused", (expression, message) => {
  const refused = () => evaluate(expression, contexts);
  expect(refused).toThrow(message);
  expect(refused).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});

test("an error says at which character of the expression it stands", () => {
  expect(() => evaluate("true && foo", {})).toThrow(
    expect.objectContaining({ details: { expression: "true && foo", position: 9 } }),
  );
});

// https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#status-check-functions
describe("conditions", () => {
  const job = (state: "success" | "failure" | "cancelled"): Functions => ({
    status: {
      success: () => state === "success",
      failure: () => state === "failure",
      cancelled: () => state === "cancelled",
    },
  });

  test.each([
    [undefined, "success", true],
    [undefined, "failure", false],
    ["", "failure", false],
    ["github.event_name == 'push'", "success", true],
    ["github.event_name == 'push'", "failure", false],
    ["${{ github.event_name == 'push' }}", "success", true],
    ["github.event_name == 'pull_request'", "success", false],
    ["failure()", "failure", true],
    ["failure()", "success", false],
    ["${{ failure() && github.event_name == 'push' }}", "failure", true],
    ["always()", "cancelled", true],
    ["!cancelled()", "failure", true],
    ["!cancelled()", "cancelled", false],
    ["ALWAYS() && false", "success", false],
    ["success() || failure()", "failure", true],
    ["'always()' == 'x'", "failure", false],
    ["contains('success()', 'success')", "failure", false],
  ] as const)("if: %s after %s: %s", (expression, state, expected) => {
    expect(condition(expression, contexts, job(state))).toBe(expected);
  });

  // "falsy values (false, 0, -0, "", '', null) are coerced to false and truthy (true and other non-falsy values) are coerced to true"
  test.each([
    [false, false],
    [0, false],
    [-0, false],
    ["", false],
    [null, false],
    ["false", true],
    [[], true],
    [{}, true],
    [1, true],
  ])("%j is %s", (value, expected) => {
    expect(isTruthy(value)).toBe(expected);
  });
});

describe("texts with expressions", () => {
  test("each is replaced by its value as text", () => {
    expect(
      interpolate("on ${{ github.event_name }}: ${{env.count}}${{ null }}|${{ true }}|${{ matrix.list }}", contexts),
    ).toBe("on push: 3|true|Array");
  });

  test("braces inside of quotes do not close", () => {
    expect(interpolate("${{ format('}}{{{0}', 1) }}!", contexts)).toBe("}{1!");
  });

  test("one whole expression keeps its type, anything beside it makes a text", () => {
    expect(evaluateTemplated("${{ matrix.list }}", contexts)).toEqual(["zero", "one", "two"]);
    expect(evaluateTemplated("${{ env.count }}", contexts)).toBe(3);
    expect(evaluateTemplated("${{ env.count }} ", contexts)).toBe("3 ");
    expect(evaluateTemplated("${{ 1 }}${{ 2 }}", contexts)).toBe("12");
    expect(evaluateTemplated("plain", contexts)).toBe("plain");
  });

  test("an expression that is not closed, and an empty one, are refused", () => {
    expect(() => interpolate("a ${{ b", contexts)).toThrow("not closed");
    expect(() => interpolate("a ${{ }} b", contexts)).toThrow("An expression was expected");
    expect(() => evaluateTemplated("${{ }}", contexts)).toThrow("An expression was expected");
  });

  test("numbers have at most 15 digits", () => {
    expect(
      interpolate("${{ 0.1 }} ${{ 123456789012345678 }} ${{ 1e15 }} ${{ 0.00001 }} ${{ 0.000001 }} ${{ 1e-7 }}", {}),
    ).toBe("0.1 1.23456789012346E+17 1E+15 0.00001 1E-06 1E-07");
  });

  test("hashFiles is asked for beforehand, with its patterns evaluated", () => {
    const text = "key-${{ hashFiles('**/package-lock.json', format('{0}.txt', env.Count)) }}-${{ hashFiles('b') }}";
    expect(hashFilesCalls(text, contexts)).toEqual([["**/package-lock.json", "3.txt"], ["b"]]);
    expect(hashFilesCallsOf("hashFiles('x') != ''", contexts)).toEqual([["x"]]);
    expect(interpolate(text, contexts, { hashFiles: (patterns) => patterns.join("+") })).toBe(
      "key-**/package-lock.json+3.txt-b",
    );
  });
});

describe("bounds", () => {
  const refusedQuickly = (expression: string) => {
    expect(() => evaluate(expression, contexts)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  };

  test("a result that doubles at each level ends before memory does", () => {
    let expression = "'0123456789abcdef'";
    for (let level = 0; level < 24; level++) expression = `format('{0}{0}', ${expression})`;
    refusedQuickly(expression);
    refusedQuickly(`join(fromJSON('[${"1,".repeat(3000)}1]'), format('${"{0}".repeat(1000)}', '${"x".repeat(2000)}'))`);
  });

  test("depth and length are GitHub's: 50 and 21,000", () => {
    expect(evaluate(`${"(".repeat(49)}1${")".repeat(49)}`, {})).toBe(1);
    refusedQuickly(`${"(".repeat(51)}1${")".repeat(51)}`);
    refusedQuickly("!".repeat(60).concat("true"));
    refusedQuickly(`'${"x".repeat(21_000)}'`);
  });

  test("a chain of operators as long as an expression can be ends", () => {
    try {
      evaluate(`1${"==1".repeat(6_900)}`, {});
    } catch (error) {
      expect(isGloveboxError(error, "invalid_argument")).toBe(true);
    }
  });

  test("values nested without end are refused", () => {
    refusedQuickly(`fromJSON('${"[".repeat(5_000)}${"]".repeat(5_000)}')`);
  });
});

describe("properties", () => {
  const words = [
    "github",
    "env",
    "'a'",
    "''",
    "1",
    "-2.5",
    "true",
    "null",
    "(",
    ")",
    "[",
    "]",
    ".",
    "*",
    ",",
    "!",
    "==",
    "<",
    "&&",
    "||",
    "format(",
    "fromJSON(",
    "toJSON(",
    "x",
    " ",
    "\n",
    "NaN",
    "'",
  ];

  test("whatever the text, there is a value or invalid_argument", () => {
    const texts = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(fc.constantFrom(...words), { maxLength: 25 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const work of [() => evaluate(text, contexts), () => interpolate(`a \${{ ${text} }} b`, contexts)]) {
          try {
            JSON.stringify(work());
          } catch (error) {
            if (!isGloveboxError(error, "invalid_argument")) throw error;
          }
        }
      }),
      { numRuns: 1_500 },
    );
  });

  test("a value of a context comes back as it is, whatever its keys", () => {
    const json = fc.jsonValue({ maxDepth: 4 }).filter((value) => !hasCaseTwins(value));
    fc.assert(
      fc.property(json, (value) => {
        const normal = JSON.parse(JSON.stringify(value));
        expect(evaluate("inputs.value", { inputs: { value: normal } })).toEqual(normal);
        expect(evaluate("fromJSON(toJSON(inputs.value))", { inputs: { value: normal } })).toEqual(normal);
      }),
      { numRuns: 300 },
    );
  });

  test("any text is itself between quotes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
        expect(evaluate(`'${text.replaceAll("'", "''")}'`, {})).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("a number's text stands for the number, to 15 digits", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(numberToText(value))).toBe(Number(value.toPrecision(15)) + 0);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Of keys that differ by case only, an expression sees the first. */
function hasCaseTwins(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const keys = Object.keys(value).map((key) => key.toLowerCase());
  return new Set(keys).size < keys.length || Object.values(value).some(hasCaseTwins);
}
