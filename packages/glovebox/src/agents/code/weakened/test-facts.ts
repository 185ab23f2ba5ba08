import { nodesOf, parseCode, type SyntaxNode } from "../../../syntax/index.ts";
import { type CodeFile, grammarOfFile } from "../code-file.ts";
import { javascriptTests } from "./javascript-tests.ts";
import { pythonTests } from "./python-tests.ts";
import { conditionsOf, isEnd, overwritten } from "./test-flow.ts";
import { tokensOf } from "./tokens.ts";

/** One test as its code has it. */
export interface TestFacts {
  /** With the classes or groups around it. */
  readonly name: string;
  /** What it holds true, as tokens, with the conditions that it stands under: those that count, as {@link LanguageTests} says. */
  readonly assertions: readonly string[];
  /** What it calls besides, as tokens. */
  readonly calls: readonly string[];
  /** Names that it gives a value, each with how: `total = add ( 2 , 3 )`. */
  readonly overwrites: readonly string[];
  /** Statements that end it. */
  readonly ends: readonly string[];
  /** What its assertions and calls speak of. */
  readonly names: readonly string[];
  readonly isSkipped: boolean;
}

export interface FileFacts {
  readonly parses: boolean;
  /** What tests rest on: values, helpers, set-up, and the rows that tests are run for. As tokens, statement by statement. */
  readonly support: readonly string[];
  readonly tests: readonly TestFacts[];
  /** Things that stand in for others, and names that are taken from imports. */
  readonly mocks: readonly string[];
  /** Ways to end the whole run. */
  readonly exits: readonly string[];
  /** Tests that are the only ones to run. */
  readonly focused: readonly string[];
  /** What skips tests from outside of them: hooks, marks of whole modules. */
  readonly skips: readonly string[];
}

/** What a language's tests look like. */
export interface LanguageTests {
  testsIn(root: SyntaxNode): readonly {
    readonly name: string;
    readonly body: SyntaxNode;
    readonly isSkipped: boolean;
    readonly isFocused: boolean;
  }[];
  /** Statements and rows besides tests that say what tests are about. */
  supportIn(root: SyntaxNode): readonly SyntaxNode[];
  isAssertion(node: SyntaxNode): boolean;
  /** Whether an assertion can fail: it is reached, nothing swallows it, and it does not say what is always so. `body`: of its test. */
  counts(node: SyntaxNode, body: SyntaxNode): boolean;
  isCall(node: SyntaxNode): boolean;
  /** Whether a call skips the test that it stands in. */
  skips(call: SyntaxNode): boolean;
  mocksIn(root: SyntaxNode): readonly string[];
  isExit(node: SyntaxNode): boolean;
  /** Whether something outside of tests keeps tests from being found, or from running. */
  isSkippingAll(node: SyntaxNode): boolean;
}

export async function testFactsOf(file: CodeFile): Promise<FileFacts> {
  const { language, grammar } = grammarOfFile(file);
  const { root, errors } = await parseCode(file.text, grammar);
  const tests = language === "python" ? pythonTests : javascriptTests;
  const found = tests.testsIn(root);
  return {
    parses: errors.length === 0,
    tests: found.map(({ name, body, isSkipped }) => factsOf(name, body, isSkipped, tests)),
    support: tests.supportIn(root).map(tokensOf),
    mocks: tests.mocksIn(root),
    exits: [...nodesOf(root)].filter((node) => tests.isExit(node)).map(tokensOf),
    focused: found.filter(({ isFocused }) => isFocused).map(({ name }) => name),
    skips: skipsOutside(root, tests, new Set(found.map(({ body }) => body))),
  };
}

function skipsOutside(root: SyntaxNode, language: LanguageTests, bodies: ReadonlySet<SyntaxNode>): readonly string[] {
  const found: string[] = [];
  const look = (node: SyntaxNode) => {
    if (bodies.has(node)) return;
    if (language.isSkippingAll(node) || (language.isCall(node) && language.skips(node) && !isMark(node)))
      found.push(tokensOf(node));
    else for (const child of node.children) look(child);
  };
  look(root);
  return found;
}

/** Of one test, or a class of them: it is known from these. */
function isMark({ parent }: SyntaxNode): boolean {
  return parent?.type === "decorator";
}

function factsOf(name: string, body: SyntaxNode, isSkipped: boolean, language: LanguageTests): TestFacts {
  const assertions: string[] = [];
  const calls: string[] = [];
  const overwrites: string[] = [];
  const ends: string[] = [];
  const names = new Set<string>();
  let skips = isSkipped;
  for (const node of nodesOf(body)) {
    if (language.isAssertion(node)) {
      if (language.counts(node, body)) assertions.push([...conditionsOf(node, body), tokensOf(node)].join(" "));
    } else if (language.isCall(node)) {
      if (language.skips(node)) skips = true;
      calls.push(tokensOf(node));
    }
    if (/identifier$/.test(node.type)) names.add(node.text);
    overwrites.push(...overwritten(node));
    if (isEnd(node, body)) ends.push([...conditionsOf(node, body), tokensOf(node)].join(" "));
  }
  return { name, assertions, calls, overwrites, ends, names: [...names], isSkipped: skips };
}
