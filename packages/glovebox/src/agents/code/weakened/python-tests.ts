import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { isReached } from "./reach.ts";
import type { LanguageTests } from "./test-facts.ts";
import { tokensOf } from "./tokens.ts";

const ASSERTING = /(^|\.)(assert[A-Z_]\w*|fail|raises|warns|failUnless\w*)$/;
const SKIPPING = /(^|\.)(skipTest|skip|xfail|importorskip|SkipTest)$/;
const SKIP_MARK = /(^|\.)(skip|skipIf|skipUnless|skipif|xfail|expectedFailure)\b/;
const MOCKING = /(^|\.)(patch(\.\w+)*|setattr|MagicMock|Mock|create_autospec|setitem)$/;
/** What a module or class says about all of its tests. */
const MODULE_MARK =
  /^(pytestmark|__test__|collect_ignore(_glob)?|pytest_plugins|__unittest_skip__|__unittest_expecting_failure__)$/;
/** What is asked which tests there are, and how they come out. */
const HOOK =
  /^(load_tests|pytest_\w+|__getattr__|run|__call__|_callTestMethod|_callSetUp|addFailure|addError|defaultTestResult)$/;
const TOOL = /^(assert[A-Z_]\w*|fail|failureException|_baseAssertEqual|_getAssertEqualityFunc)$/;
const EXITING = /^(sys\.exit|os\._exit|exit|quit|os\.abort|os\.kill)$/;
const CONSTANT = /^(true|false|none|integer|float|string|concatenated_string)$/;

function calledName(node: SyntaxNode): string {
  return node.type === "call" ? (childOf(node, "function")?.text.slice(0, 200) ?? "") : "";
}

/** How tests are found by unittest and pytest. What is defined twice is what it was last. */
export const pythonTests: LanguageTests = {
  testsIn(root) {
    const found = new Map<string, ReturnType<LanguageTests["testsIn"]>[number]>();
    const look = (parent: SyntaxNode, prefix: string, isSkipped: boolean) => {
      for (const node of namedChildren(parent)) {
        const definition = node.type === "decorated_definition" ? childOf(node, "definition") : node;
        const name = childOf(definition, "name")?.text.slice(0, 200);
        const body = childOf(definition, "body");
        if (definition === undefined || name === undefined || body === undefined) continue;
        const marks = node.children.filter(({ type }) => type === "decorator").map(({ text }) => text.slice(0, 200));
        const skipped = isSkipped || marks.some((mark) => SKIP_MARK.test(mark));
        if (definition.type === "class_definition" && prefix === "") look(body, `${name}.`, skipped);
        if (definition.type === "function_definition" && name.startsWith("test"))
          found.set(`${prefix}${name}`, { name: `${prefix}${name}`, body, isSkipped: skipped, isFocused: false });
      }
    };
    look(root, "", false);
    return [...found.values()];
  },
  supportIn(root) {
    const found: SyntaxNode[] = [];
    const look = (parent: SyntaxNode, isOutermost: boolean) => {
      for (const node of namedChildren(parent)) {
        const definition = node.type === "decorated_definition" ? childOf(node, "definition") : node;
        const name = childOf(definition, "name")?.text.slice(0, 200) ?? "";
        const body = childOf(definition, "body");
        if (definition?.type === "class_definition" && isOutermost && body !== undefined) look(body, false);
        else if (definition?.type === "function_definition" && name.startsWith("test")) found.push(...rowsOf(node));
        else if (!/^(import|future_import)_/.test(node.type) && !isText(node)) found.push(node);
      }
    };
    look(root, true);
    return found;
  },
  isAssertion: (node) => node.type === "assert_statement" || ASSERTING.test(calledName(node)),
  counts(node, body) {
    if (!isReached(node, body)) return false;
    if (node.type === "assert_statement") return !isAlwaysTrue(namedChildren(node)[0]);
    const args = namedChildren(childOf(node, "arguments"));
    const name = calledName(node);
    if (/assertTrue$|assertIsNotNone$|failUnless$/.test(name)) return !isAlwaysTrue(args[0]);
    if (args.length >= 2 && args.slice(0, 2).every(isConstant)) return false;
    return !(args.length >= 2 && tokensOf(args[0] as SyntaxNode) === tokensOf(args[1] as SyntaxNode));
  },
  isCall: ({ type }) => type === "call",
  skips: (call) => SKIPPING.test(calledName(call)),
  mocksIn: (root) => [
    ...standIns(root),
    ...[...nodesOf(root)].filter((node) => MOCKING.test(calledName(node))).map(tokensOf),
  ],
  isExit: (node) => EXITING.test(calledName(node)),
  isSkippingAll(node) {
    if (node.type === "assignment") return MODULE_MARK.test(childOf(node, "left")?.text ?? "");
    if (node.type === "raise_statement") return /\bSkip(Test|ped)?\b/.test(node.text.slice(0, 200));
    return node.type === "function_definition" && HOOK.test(childOf(node, "name")?.text ?? "");
  },
};

/** What stands in the lists of a test's decorators, such as `parametrize`. */
function rowsOf(decorated: SyntaxNode): readonly SyntaxNode[] {
  const calls = decorated.children.filter(({ type }) => type === "decorator").flatMap(namedChildren);
  const args = calls.flatMap((call) => namedChildren(childOf(call, "arguments")));
  return args.filter(({ type }) => type === "list" || type === "tuple").flatMap(namedChildren);
}

function isText(statement: SyntaxNode): boolean {
  return statement.type === "expression_statement" && namedChildren(statement).every(({ type }) => type === "string");
}

function isConstant(node: SyntaxNode): boolean {
  return CONSTANT.test(node.type);
}

/** `True`, `1 == 1`, `x == x`, `x or True`, a tuple. */
function isAlwaysTrue(node: SyntaxNode | undefined): boolean {
  if (node === undefined || isConstant(node)) return true;
  if (node.type === "parenthesized_expression") return isAlwaysTrue(namedChildren(node)[0]);
  if (node.type === "tuple" || node.type === "lambda") return true;
  const [left, right] = namedChildren(node);
  if (left === undefined || right === undefined) return false;
  if (node.type === "boolean_operator")
    return (
      node.children.some(({ type }) => type === "or") &&
      [left, right].some((one) => isConstant(one) && one.type !== "false" && one.type !== "none")
    );
  if (node.type !== "comparison_operator") return false;
  return tokensOf(left) === tokensOf(right) || (isConstant(left) && isConstant(right));
}

/** What the file imports and then defines itself: what is tested is no longer what it was. */
function standIns(root: SyntaxNode): string[] {
  const imported = new Set<string>();
  const taken: string[] = [];
  for (const node of nodesOf(root)) {
    if (node.type === "import_from_statement" || node.type === "import_statement") {
      for (const name of node.children.filter(({ field }) => field === "name"))
        imported.add((childOf(name, "alias") ?? childOf(name, "name") ?? name).text.slice(0, 200));
    } else if (node.type === "function_definition" || node.type === "class_definition") {
      const name = childOf(node, "name")?.text.slice(0, 200) ?? "";
      if (imported.has(name) || TOOL.test(name)) taken.push(`def ${name}`);
    } else if (node.type === "assignment") {
      const left = childOf(node, "left");
      const target = left?.text.slice(0, 200).split(/[.[]/)[0] ?? "";
      const last = left?.text.slice(0, 200).split(".").at(-1) ?? "";
      if (
        imported.has(target) ||
        TOOL.test(last) ||
        /^(builtins|__builtins__|sys|unittest|AssertionError)$/.test(target)
      )
        taken.push(tokensOf(node));
    }
  }
  return taken;
}
