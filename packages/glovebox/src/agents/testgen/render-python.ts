import { importPathOf, type Layout, stemOf } from "../layout/layout.ts";
import { type PlainValue, sourceOf } from "./plain-value.ts";
import type { FunctionPlan } from "./test-plan.ts";

const BUILT_IN =
  /^(ValueError|TypeError|RuntimeError|NotImplementedError|OSError|FileNotFoundError|PermissionError|LookupError|ArithmeticError|StopIteration|UnicodeError)$/;
const CHECKED: Readonly<Record<string, string>> = {
  int: "int",
  float: "float",
  str: "str",
  bool: "bool",
  list: "list",
  dict: "dict",
  tuple: "tuple",
};

const GENERATOR = `def examples(*kinds):
    """Arguments of these kinds: the same ones every time."""
    state = 1

    def roll(below):
        nonlocal state
        state = (state * 1103515245 + 12345) % 2**31
        return (state >> 8) % below

    def make(kind):
        if kind.endswith("s"):
            return [make(kind[:-1]) for _ in range(roll(5))]
        if kind == "integer":
            return roll(201) - 100
        if kind == "float":
            return (roll(2001) - 1000) / 8
        if kind == "boolean":
            return roll(2) == 1
        return "".join("ab Z9"[roll(5)] for _ in range(roll(8)))

    return [[make(kind) for kind in kinds] for _ in range(25)]
`;

/** Tests of a module, for unittest or pytest. `leave`: names of tests that are left out. */
export function pythonTests(
  plans: readonly FunctionPlan[],
  {
    layout,
    path,
    testPath,
    leave,
  }: { readonly layout: Layout; readonly path: string; readonly testPath: string; readonly leave: ReadonlySet<string> },
): string {
  const isPytest = layout.testStyle === "pytest";
  const tests: { readonly name: string; readonly lines: readonly string[] }[] = [
    { name: "test_imports", lines: plans.map(({ name }) => assertion(isPytest, `callable(subject.${name})`)) },
    ...plans
      .filter(({ cases }) => cases.length > 0)
      .map((plan) => ({ name: `test_${plan.name}`, lines: knownLines(plan, isPytest) })),
    ...plans.flatMap((plan) =>
      plan.property ? [{ name: `test_${plan.name}_properties`, lines: propertyLines(plan, isPytest) }] : [],
    ),
  ];
  const kept = tests.filter(({ name, lines }) => lines.length > 0 && !leave.has(name));
  const hasProperty = kept.some(({ name }) => name.endsWith("_properties"));
  const hasRaise = isPytest && kept.some(({ lines }) => lines.some((line) => line.includes("pytest.raises")));
  const module = importPathOf(layout, testPath, path);
  const head = [
    ...(hasProperty ? ["import copy"] : []),
    ...(isPytest ? (hasRaise ? ["", "import pytest"] : []) : ["import unittest"]),
    "",
    `import ${module} as subject`,
  ];
  const indent = isPytest ? "" : "    ";
  const bodies = kept.map(({ name, lines }) =>
    [`${indent}def ${name}(${isPytest ? "" : "self"}):`, ...lines.map((line) => `${indent}    ${line}`)].join("\n"),
  );
  const title = `${stemOf(path).replace(/(^|_)([a-z])/g, (_all, _sign, letter: string) => letter.toUpperCase())}GeneratedTest`;
  const main = isPytest
    ? bodies.join("\n\n\n")
    : `class ${title}(unittest.TestCase):\n${bodies.join("\n\n")}\n\n\nif __name__ == "__main__":\n    unittest.main()`;
  return `${head.join("\n")}\n\n\n${hasProperty ? `${GENERATOR}\n\n` : ""}${main}\n`;
}

function assertion(isPytest: boolean, what: string): string {
  return isPytest ? `assert ${what}` : `self.assertTrue(${what})`;
}

function equal(isPytest: boolean, left: string, right: string): string {
  return isPytest ? `assert ${left} == ${right}` : `self.assertEqual(${left}, ${right})`;
}

function callOf(name: string, args: readonly PlainValue[]): string {
  return `subject.${name}(${args.map((arg) => sourceOf(arg, "python")).join(", ")})`;
}

function knownLines({ name, cases }: FunctionPlan, isPytest: boolean): readonly string[] {
  return cases.flatMap(({ args, outcome }) => {
    const call = callOf(name, args);
    if (outcome.kind === "value") return [equal(isPytest, call, sourceOf(outcome.value, "python"))];
    const error = BUILT_IN.test(outcome.error) ? outcome.error : "Exception";
    return [`with ${isPytest ? "pytest.raises" : "self.assertRaises"}(${error}):`, `    ${call}`];
  });
}

function propertyLines({ name, property }: FunctionPlan, isPytest: boolean): readonly string[] {
  const { kinds = [], types = [] } = property ?? {};
  const checked = types.map((type) => CHECKED[type]).filter((type) => type !== undefined);
  const numbers = checked.every((type) => type === "int" || type === "float") ? ["int", "float"] : checked;
  const isTyped = checked.length === types.length && checked.length > 0;
  return [
    `for args in examples(${kinds.map((kind) => JSON.stringify(kind)).join(", ")}):`,
    "    given = copy.deepcopy(args)",
    `    result = subject.${name}(*given)`,
    `    ${equal(isPytest, "given", "args")}`,
    `    ${equal(isPytest, `subject.${name}(*copy.deepcopy(args))`, "result")}`,
    ...(isTyped
      ? [`    ${isPytest ? "assert isinstance" : "self.assertIsInstance"}(result, (${numbers.join(", ")},))`]
      : []),
  ];
}
