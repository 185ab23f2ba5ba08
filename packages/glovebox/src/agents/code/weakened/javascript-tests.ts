import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { isReached } from "./reach.ts";
import type { LanguageTests } from "./test-facts.ts";
import { tokensOf } from "./tokens.ts";

const TEST = /^(x|f)?(test|it)(\.(skip|only|todo|fails|failing|concurrent|sequential|each|for|skipIf|runIf))*$/;
const GROUP = /^(x|f)?(describe|suite|context)(\.(skip|only|todo|concurrent|sequential|each|skipIf|runIf))*$/;
const SKIPPED = /^x|\.(skip|todo|fails|failing|skipIf|runIf)\b/;
const FOCUSED = /^f(it|describe|test)|\.only\b/;
const SKIPPING = /(^|\.)(skip|todo|pending)$/;
const MOCKING =
  /(^|\.)(vi|jest|mock|sinon|t\.mock)\.(mock|doMock|spyOn|stubGlobal|method|module|stub|replace|fn|unstable_mockModule|setMock)$/;
const EXITING = /^process\.(exit|abort|kill|reallyExit)$/;
/** What tests are written with, where it is not imported. */
const TOOL = /^(expect|assert|test|it|describe|suite|globalThis|global)$/;
const CONSTANT = /^(true|false|null|undefined|number|string)$/;
const FUNCTION = /^(arrow_function|function_expression|generator_function)$/;

function calledName(node: SyntaxNode): string {
  if (node.type !== "call_expression") return "";
  const called = childOf(node, "function");
  // `test.each(rows)("name", …)`
  return (called?.type === "call_expression" ? calledName(called) : (called?.text.slice(0, 200) ?? "")).replace(
    /\s+/g,
    "",
  );
}

/** How tests are found by node:test, vitest, jest and mocha: calls of `test` or `it`, in groups or not. */
export const javascriptTests: LanguageTests = {
  testsIn(root) {
    const found: { name: string; body: SyntaxNode; isSkipped: boolean; isFocused: boolean }[] = [];
    for (const node of nodesOf(root)) {
      const called = calledName(node);
      if (!TEST.test(called) || node.parent?.type === "call_expression") continue;
      const args = namedChildren(childOf(node, "arguments"));
      const groups = groupsAround(node);
      const words = [called, ...groups.map(calledName)];
      const options = [node, ...groups]
        .flatMap((one) => namedChildren(childOf(one, "arguments")))
        .filter(({ type }) => type === "object");
      const body = args.find(({ type }) => FUNCTION.test(type));
      found.push({
        name: [...groups.toReversed(), node].map(titleOf).join(" > "),
        body: body ?? node,
        isSkipped: body === undefined || words.some((word) => SKIPPED.test(word)) || options.some(saysSkip),
        isFocused:
          words.some((word) => FOCUSED.test(word)) || options.some((one) => /\bonly\s*:/.test(one.text.slice(0, 500))),
      });
    }
    return found;
  },
  supportIn(root) {
    const found: SyntaxNode[] = [];
    const look = (statements: readonly SyntaxNode[]) => {
      for (const node of statements) {
        const [call] = node.type === "expression_statement" ? namedChildren(node) : [];
        const called = call === undefined ? "" : calledName(call);
        if (call !== undefined && GROUP.test(called)) {
          const inner = namedChildren(childOf(call, "arguments")).find(({ type }) => FUNCTION.test(type));
          look(namedChildren(childOf(inner, "body")));
        } else if (call !== undefined && TEST.test(called)) found.push(...rowsOf(call));
        else if (node.type !== "import_statement") found.push(node);
      }
    };
    look(namedChildren(root));
    return found;
  },
  isAssertion(node) {
    if (node.type !== "call_expression" || isLinkOfChain(node)) return false;
    return /^(\w+\.)?(assert|expect)\b/.test(chainStart(node));
  },
  counts(node, body) {
    if (!isReached(node, body)) return false;
    const start = chainCall(node);
    // `expect(x)` alone says nothing.
    if (/^(\w+\.)?expect\b/.test(chainStart(node)) && start === node) return false;
    const given = namedChildren(childOf(start, "arguments"));
    const values = start === node ? given : [...given, ...namedChildren(childOf(node, "arguments"))];
    const isOfOne = /^(\w+\.)?assert(\.ok|\.equal\.ok)?$/.test(calledName(start)) || values.length < 2;
    if (isOfOne) return values[0] !== undefined && !isConstant(values[0]);
    const [left, right] = values as [SyntaxNode, SyntaxNode];
    return !(isConstant(left) && isConstant(right)) && tokensOf(left) !== tokensOf(right);
  },
  isCall: ({ type }) => type === "call_expression" || type === "new_expression",
  skips: (call) => /^(t|ctx|context|this|test)\b/.test(calledName(call)) && SKIPPING.test(calledName(call)),
  mocksIn: (root) => [
    ...standIns(root),
    ...[...nodesOf(root)].filter((node) => MOCKING.test(calledName(node))).map(tokensOf),
  ],
  isExit: (node) =>
    EXITING.test(calledName(node)) ||
    (node.type === "assignment_expression" && childOf(node, "left")?.text === "process.exitCode"),
  isSkippingAll: () => false,
};

/** What stands in the lists that `test.each` is given. */
function rowsOf(call: SyntaxNode): readonly SyntaxNode[] {
  const each = childOf(call, "function");
  const args = each?.type === "call_expression" ? namedChildren(childOf(each, "arguments")) : [];
  return args.flatMap((one) => (one.type === "array" ? namedChildren(one) : [one]));
}

function titleOf(call: SyntaxNode): string {
  return (namedChildren(childOf(call, "arguments"))[0]?.text ?? "").slice(0, 200).replace(/^["'`]|["'`]$/g, "");
}

function groupsAround(node: SyntaxNode): SyntaxNode[] {
  const groups: SyntaxNode[] = [];
  for (let at = node.parent; at !== undefined; at = at.parent) if (GROUP.test(calledName(at))) groups.push(at);
  return groups;
}

/** Wherever in the options, and also by a quoted or computed name. */
function saysSkip(options: SyntaxNode): boolean {
  return /\b(skip|todo|fails|failing|expectFailure)["'`]?\s*\]?\s*:\s*(?!\s|false\b)/.test(options.text);
}

/** `expect(x)` in `expect(x).not.toBe(y)`: the last call is the assertion. */
function isLinkOfChain(node: SyntaxNode): boolean {
  let at = node;
  while (at.parent?.type === "member_expression" && at.field === "object") at = at.parent;
  return at !== node && at.parent?.type === "call_expression" && at.field === "function";
}

/** The first call of a chain. */
function chainCall(node: SyntaxNode): SyntaxNode {
  let first = node;
  for (
    let at: SyntaxNode | undefined = childOf(node, "function");
    at !== undefined;
    at = childOf(at, "object") ?? childOf(at, "function")
  ) {
    if (at.type === "call_expression") first = at;
  }
  return first;
}

function chainStart(node: SyntaxNode): string {
  return calledName(chainCall(node));
}

function isConstant(node: SyntaxNode): boolean {
  return CONSTANT.test(node.type);
}

/** What the file imports and then defines itself: what is tested is no longer what it was. */
function standIns(root: SyntaxNode): string[] {
  const imported = new Set<string>();
  const taken: string[] = [];
  for (const node of nodesOf(root)) {
    if (node.type === "import_specifier")
      imported.add((childOf(node, "alias") ?? childOf(node, "name") ?? node).text.slice(0, 200));
    else if (node.type === "import_clause" || node.type === "namespace_import") {
      for (const name of node.children.filter(({ type }) => type === "identifier"))
        imported.add(name.text.slice(0, 200));
    } else if (node.type === "assignment_expression") {
      const target = childOf(node, "left")?.text.slice(0, 200).split(/[.[]/)[0] ?? "";
      if (imported.has(target) || TOOL.test(target)) taken.push(tokensOf(node));
    } else if (/^(variable_declarator|function_declaration)$/.test(node.type)) {
      const name = childOf(node, "name")?.text.slice(0, 200) ?? "";
      if (imported.has(name) || TOOL.test(name)) taken.push(`shadows ${name}`);
    }
  }
  return taken;
}
