import type { Example } from "../function-spec.ts";

/** Types that every language has. */
export type GoalType = "number" | "integer" | "string" | "boolean" | "numbers" | "strings";

export interface GoalRow {
  /** Of a goal's words: lower case, single spaces, no articles, no full stop. */
  readonly goal: RegExp;
  readonly name: string;
  readonly params: Readonly<Record<string, GoalType>>;
  readonly returns: GoalType;
  readonly doc: string;
  readonly python: string;
  readonly javascript: string;
  readonly examples: readonly Example[];
}

const gives = (
  args: readonly (number | string | boolean | readonly (number | string)[])[],
  returns: number | string | boolean | (number | string)[],
): Example => ({
  args: args.map((arg) => (typeof arg === "object" ? [...arg] : arg)),
  returns,
});
const throws = (...args: (number | string | (number | string)[])[]): Example => ({ args, throws: true });

const number = { a: "number", b: "number" } as const;
const n = { n: "integer" } as const;
const x = { x: "number" } as const;
const text = { text: "string" } as const;
const values = { values: "numbers" } as const;

/** What goals can ask for besides arithmetic over several numbers (`read-goal.ts`). One row each; the first that fits counts. */
export const GOAL_ROWS: readonly GoalRow[] = [
  {
    goal: /^(subtract|find difference of|difference of) two numbers$/,
    name: "subtract",
    params: number,
    returns: "number",
    doc: "Return `a` minus `b`.",
    python: "return a - b",
    javascript: "return a - b;",
    examples: [gives([5, 3], 2), gives([3, 5], -2), gives([0, 0], 0)],
  },
  {
    goal: /^(divide|find quotient of|quotient of) two numbers$/,
    name: "divide",
    params: number,
    returns: "number",
    doc: "Return `a` divided by `b`, which must not be zero.",
    python: "return a / b",
    javascript: 'if (b === 0) {\n  throw new RangeError("division by zero");\n}\nreturn a / b;',
    examples: [gives([6, 3], 2), gives([1, 4], 0.25), throws(1, 0)],
  },
  {
    goal: /^square number$/,
    name: "square",
    params: x,
    returns: "number",
    doc: "Return the square of `x`.",
    python: "return x * x",
    javascript: "return x * x;",
    examples: [gives([3], 9), gives([-2], 4), gives([0], 0)],
  },
  {
    goal: /^cube number$/,
    name: "cube",
    params: x,
    returns: "number",
    doc: "Return the cube of `x`.",
    python: "return x * x * x",
    javascript: "return x * x * x;",
    examples: [gives([3], 27), gives([-2], -8), gives([1], 1)],
  },
  {
    goal: /^double number$/,
    name: "double_number",
    params: x,
    returns: "number",
    doc: "Return twice `x`.",
    python: "return 2 * x",
    javascript: "return 2 * x;",
    examples: [gives([3], 6), gives([-2], -4)],
  },
  {
    goal: /^halve number$/,
    name: "halve",
    params: x,
    returns: "number",
    doc: "Return half of `x`.",
    python: "return x / 2",
    javascript: "return x / 2;",
    examples: [gives([3], 1.5), gives([-2], -1)],
  },
  {
    goal: /^(find |get )?absolute value( of number)?$/,
    name: "absolute_value",
    params: x,
    returns: "number",
    doc: "Return `x` without its sign.",
    python: "return abs(x)",
    javascript: "return Math.abs(x);",
    examples: [gives([3], 3), gives([-3], 3), gives([0], 0)],
  },
  {
    goal: /^((check|tell|test) (if|whether) )?(number is even|even number)$/,
    name: "is_even",
    params: n,
    returns: "boolean",
    doc: "Tell whether `n` is even.",
    python: "return n % 2 == 0",
    javascript: "return n % 2 === 0;",
    examples: [gives([4], true), gives([7], false), gives([0], true), gives([-3], false)],
  },
  {
    goal: /^((check|tell|test) (if|whether) )?(number is odd|odd number)$/,
    name: "is_odd",
    params: n,
    returns: "boolean",
    doc: "Tell whether `n` is odd.",
    python: "return n % 2 != 0",
    javascript: "return n % 2 !== 0;",
    examples: [gives([4], false), gives([7], true), gives([-3], true)],
  },
  {
    goal: /^((check|tell|test) (if|whether) )?(number is prime|prime number)$/,
    name: "is_prime",
    params: n,
    returns: "boolean",
    doc: "Tell whether `n` is prime.",
    python:
      "if n < 2:\n    return False\nd = 2\nwhile d * d <= n:\n    if n % d == 0:\n        return False\n    d += 1\nreturn True",
    javascript:
      "if (n < 2) {\n  return false;\n}\nfor (let d = 2; d * d <= n; d += 1) {\n  if (n % d === 0) {\n    return false;\n  }\n}\nreturn true;",
    examples: [gives([2], true), gives([9], false), gives([97], true), gives([1], false), gives([-7], false)],
  },
  {
    goal: /^(compute |calculate |find )?factorial( of number)?$/,
    name: "factorial",
    params: n,
    returns: "integer",
    doc: "Return the factorial of `n`, which must not be negative.",
    python:
      'if n < 0:\n    raise ValueError("n must not be negative")\nresult = 1\nfor factor in range(2, n + 1):\n    result *= factor\nreturn result',
    javascript:
      'if (n < 0) {\n  throw new RangeError("n must not be negative");\n}\nlet result = 1;\nfor (let factor = 2; factor <= n; factor += 1) {\n  result *= factor;\n}\nreturn result;',
    examples: [gives([0], 1), gives([1], 1), gives([5], 120), throws(-1)],
  },
  {
    goal: /^(compute |calculate |find )?(nth )?fibonacci( number)?( of number)?$/,
    name: "fibonacci",
    params: n,
    returns: "integer",
    doc: "Return the `n`th Fibonacci number, counted from 0, which must not be negative.",
    python:
      'if n < 0:\n    raise ValueError("n must not be negative")\nbefore, current = 1, 0\nfor _ in range(n):\n    before, current = current, before + current\nreturn current',
    javascript:
      'if (n < 0) {\n  throw new RangeError("n must not be negative");\n}\nlet [before, current] = [1, 0];\nfor (let i = 0; i < n; i += 1) {\n  [before, current] = [current, before + current];\n}\nreturn current;',
    examples: [gives([0], 0), gives([1], 1), gives([2], 1), gives([10], 55), throws(-1)],
  },
  {
    goal: /^(compute |calculate |find )?(greatest common divisor|gcd)( of two (numbers|integers))?$/,
    name: "gcd",
    params: { a: "integer", b: "integer" },
    returns: "integer",
    doc: "Return the greatest common divisor of `a` and `b`.",
    python: "while b:\n    a, b = b, a % b\nreturn abs(a)",
    javascript:
      "let [rest, divisor] = [a, b];\nwhile (divisor !== 0) {\n  [rest, divisor] = [divisor, rest % divisor];\n}\nreturn Math.abs(rest);",
    examples: [gives([12, 18], 6), gives([7, 5], 1), gives([0, 4], 4), gives([-4, 6], 2)],
  },
  {
    goal: /^(clamp|limit) number( between two (numbers|bounds)| to range)?$/,
    name: "clamp",
    params: { x: "number", low: "number", high: "number" },
    returns: "number",
    doc: "Return `x`, or the bound that it is beyond.",
    python: "return max(low, min(x, high))",
    javascript: "return Math.max(low, Math.min(x, high));",
    examples: [gives([5, 0, 10], 5), gives([-1, 0, 10], 0), gives([11, 0, 10], 10)],
  },
  {
    goal: /^(sum|add|total|add up|sum up) (list|array) of numbers$/,
    name: "total",
    params: values,
    returns: "number",
    doc: "Return the sum of `values`; 0 when there are none.",
    python: "return sum(values)",
    javascript: "return values.reduce((sum, value) => sum + value, 0);",
    examples: [gives([[1, 2, 3]], 6), gives([[]], 0), gives([[-1, 1]], 0)],
  },
  {
    goal: /^(compute |calculate |find )?(average|mean) of ((list|array) of )?numbers$/,
    name: "mean",
    params: values,
    returns: "number",
    doc: "Return the mean of `values`, of which there must be some.",
    python: 'if not values:\n    raise ValueError("there are no values")\nreturn sum(values) / len(values)',
    javascript:
      'if (values.length === 0) {\n  throw new RangeError("there are no values");\n}\nreturn values.reduce((sum, value) => sum + value, 0) / values.length;',
    examples: [gives([[1, 2, 3]], 2), gives([[1, 2]], 1.5), throws([])],
  },
  {
    goal: /^sort (list|array) of numbers$/,
    name: "sort_numbers",
    params: values,
    returns: "numbers",
    doc: "Return `values` from the smallest to the largest, as a new list.",
    python: "return sorted(values)",
    javascript: "return [...values].sort((a, b) => a - b);",
    examples: [gives([[3, 1, 2]], [1, 2, 3]), gives([[]], []), gives([[10, 9]], [9, 10])],
  },
  {
    goal: /^(remove duplicates from|deduplicate) (list|array)( of (numbers|strings))?$/,
    name: "unique",
    params: { values: "strings" },
    returns: "strings",
    doc: "Return each of `values` once, in the order in which they come first.",
    python: "return list(dict.fromkeys(values))",
    javascript: "return [...new Set(values)];",
    examples: [gives([["a", "b", "a"]], ["a", "b"]), gives([[]], [])],
  },
  {
    goal: /^reverse (string|text|word)$/,
    name: "reverse_string",
    params: text,
    returns: "string",
    doc: "Return `text` from its end to its beginning.",
    python: "return text[::-1]",
    javascript: 'return [...text].reverse().join("");',
    examples: [gives(["abc"], "cba"), gives([""], ""), gives(["a"], "a")],
  },
  {
    goal: /^(convert )?(string|text) to upper ?case$|^upper ?case (string|text)$/,
    name: "to_upper",
    params: text,
    returns: "string",
    doc: "Return `text` in upper case.",
    python: "return text.upper()",
    javascript: "return text.toUpperCase();",
    examples: [gives(["abC"], "ABC"), gives([""], "")],
  },
  {
    goal: /^(convert )?(string|text) to lower ?case$|^lower ?case (string|text)$/,
    name: "to_lower",
    params: text,
    returns: "string",
    doc: "Return `text` in lower case.",
    python: "return text.lower()",
    javascript: "return text.toLowerCase();",
    examples: [gives(["AbC"], "abc"), gives([""], "")],
  },
  {
    goal: /^count words( in (string|text|sentence))?$/,
    name: "count_words",
    params: text,
    returns: "integer",
    doc: "Return how many words `text` has, told apart by white space.",
    python: "return len(text.split())",
    javascript: 'return text.split(/\\s+/).filter((word) => word !== "").length;',
    examples: [gives(["two words"], 2), gives([""], 0), gives(["  a  b c "], 3)],
  },
  {
    goal: /^count vowels( in (string|text|word))?$/,
    name: "count_vowels",
    params: text,
    returns: "integer",
    doc: "Return how many of a, e, i, o and u `text` has, in either case.",
    python: 'return sum(1 for letter in text.lower() if letter in "aeiou")',
    javascript: 'return [...text.toLowerCase()].filter((letter) => "aeiou".includes(letter)).length;',
    examples: [gives(["Apple"], 2), gives(["xyz"], 0), gives([""], 0)],
  },
  {
    goal: /^((check|tell|test) (if|whether) )?(string|text|word) is palindrome$/,
    name: "is_palindrome",
    params: text,
    returns: "boolean",
    doc: "Tell whether `text` reads the same from both ends; case does not count.",
    python: "folded = text.lower()\nreturn folded == folded[::-1]",
    javascript: 'const letters = [...text.toLowerCase()];\nreturn letters.join("") === letters.reverse().join("");',
    examples: [gives(["Level"], true), gives(["ab"], false), gives([""], true)],
  },
  {
    goal: /^(concatenate|join) two (strings|texts)$/,
    name: "concatenate",
    params: { a: "string", b: "string" },
    returns: "string",
    doc: "Return `a` followed by `b`.",
    python: "return a + b",
    javascript: "return a + b;",
    examples: [gives(["ab", "c"], "abc"), gives(["", ""], "")],
  },
  {
    goal: /^repeat (string|text)( n times)?$/,
    name: "repeat",
    params: { text: "string", times: "integer" },
    returns: "string",
    doc: "Return `text`, `times` times in a row; `times` must not be negative.",
    python: 'if times < 0:\n    raise ValueError("times must not be negative")\nreturn text * times',
    javascript: "return text.repeat(times);",
    examples: [gives(["ab", 3], "ababab"), gives(["ab", 0], ""), throws("ab", -1)],
  },
  {
    goal: /^convert celsius to fahrenheit$/,
    name: "celsius_to_fahrenheit",
    params: { celsius: "number" },
    returns: "number",
    doc: "Return a temperature of `celsius` in degrees Fahrenheit.",
    python: "return celsius * 9 / 5 + 32",
    javascript: "return (celsius * 9) / 5 + 32;",
    examples: [gives([0], 32), gives([100], 212), gives([-40], -40)],
  },
  {
    goal: /^convert fahrenheit to celsius$/,
    name: "fahrenheit_to_celsius",
    params: { fahrenheit: "number" },
    returns: "number",
    doc: "Return a temperature of `fahrenheit` in degrees Celsius.",
    python: "return (fahrenheit - 32) * 5 / 9",
    javascript: "return ((fahrenheit - 32) * 5) / 9;",
    examples: [gives([32], 0), gives([212], 100), gives([-40], -40)],
  },
  {
    goal: /^greet (person|somebody|someone|user)( by name)?$/,
    name: "greet",
    params: { name: "string" },
    returns: "string",
    doc: "Return a greeting for `name`.",
    python: 'return f"Hello, {name}!"',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code that is written
    javascript: "return `Hello, ${name}!`;",
    examples: [gives(["Ada"], "Hello, Ada!"), gives([""], "Hello, !")],
  },
];
