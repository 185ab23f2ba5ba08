import { childOf, namedChildren, nodesOf, parseCode, type SyntaxNode } from "../../../syntax/index.ts";
import { type CodeFile, type CodeLanguage, grammarOfFile } from "../code-file.ts";

/** What code does that is about its tests, and not about what it is for. */
export interface SourceTricks {
  /** Ways to see that it is being tested. */
  readonly seesTests: readonly string[];
  /** Ways into whoever calls it, the process and the language themselves: what programs may do, and a repair has no need to begin with. */
  readonly reachesOut: readonly string[];
  /** Values that are equal to all others, and changes of what others compare with. */
  readonly bends: readonly string[];
}

const MAX_SHOWN = 120;

/** Words of runners, also where they are put together with others. */
const RUNNER_WORDS = {
  python: /\b_?pytest\b|\bunittest\b|\bnose2?\b|PYTEST_|\bhypothesis\b|\bTestCase\b/i,
  javascript:
    /\bvitest\b|\bjest\b|\bmocha\b|\bnode:test\b|VITEST|JEST_|NODE_TEST|NODE_ENV|\bnode:assert\b|\bjasmine\b|\bkarma\b/i,
} as const;
/** Variables that say that nobody is looking. */
const ENVIRONMENT =
  /^["'`]?(CI|CONTINUOUS_INTEGRATION|GITHUB_ACTIONS|PYTHONHASHSEED|SOURCE_DATE_EPOCH|NO_COLOR)["'`]?$/;
/** Names of tests, the folders of processes, and our own ways to hear what tests come to. */
const PLACES = /\btests?[/\\_.]|[/\\_.]tests?\b|[._]spec\.|__tests__|\/proc\b|\/dev\/fd|GLOVEBOX|glovebox/;

const REACHES = {
  python:
    /^(sys\.(argv|modules|_getframe|_current_frames|settrace|setprofile|exit|meta_path|path_hooks|path|stdout|stderr|__\w+)|os\.(_exit|abort|kill|killpg|fork|write|fdopen|dup2|execv\w*|environ|getenv|system|popen)|inspect|traceback|gc|ctypes|builtins|__builtins__|atexit|signal|importlib|faulthandler|eval|exec|compile|__import__|globals|locals|vars|setattr|delattr|exit|quit|__file__|os\.getcwd|threading\.(enumerate|main_thread|current_thread)|SystemExit|KeyboardInterrupt|AssertionError|BaseException|threading\.settrace)$/,
  javascript:
    /^(process(\.\w+)?|__dirname|__filename|globalThis|global|window|eval|Function|require\.(cache|main)|module\.(parent|_load|constructor)|import\.meta|Error\.(captureStackTrace|prepareStackTrace|stackTraceLimit)|arguments\.callee|Reflect\.(set|defineProperty|setPrototypeOf|deleteProperty)|Object\.(defineProperty|defineProperties|setPrototypeOf|prototype)|AssertionError)$/,
} as const;
const STACK = /\.(stack|callee|caller|constructor|__proto__)$/;
const TOOLS_OF_NODE =
  /^["'](node:)?(assert(\/strict)?|test(\/.*)?|vm|v8|inspector(\/.*)?|module|worker_threads|child_process|async_hooks|repl|process|diagnostics_channel)["']$/;
const TEST_GLOBALS = /^(jest|vi|vitest|describe|it|test|expect|mocha|jasmine|beforeEach|afterEach)$/;
const BUILT_IN =
  /^(Object|Array|Number|String|Boolean|Math|JSON|Map|Set|Symbol|Promise|Date|Error|RegExp|assert|console|process|global|globalThis|Reflect|builtins|__builtins__|unittest|pytest|sys|operator)\b[.[]/;
/** What jest and vitest ask a value whether it is equal. */
const MATCHER = /^(asymmetricMatch|\$\$typeof)$/;
const NAMES_EQUAL = /["'`]__(eq|ne|instancecheck)__["'`]/;
const ALWAYS_EQUAL = /^__(eq|ne|lt|le|gt|ge|contains|instancecheck|subclasscheck)__$/;

/** What of a file of code is a trick. Told from its syntax tree, so comments count for nothing. */
export async function sourceTricks(file: CodeFile): Promise<SourceTricks> {
  const { language, grammar } = grammarOfFile(file);
  const { root } = await parseCode(file.text, grammar);
  const kind = language === "python" ? "python" : "javascript";
  const aliases = kind === "python" ? aliasesIn(root) : new Map<string, string>();
  const found = { seesTests: new Set<string>(), reachesOut: new Set<string>(), bends: new Set<string>() };
  for (const node of nodesOf(root)) {
    if (isSeeing(node, kind)) found.seesTests.add(shown(node));
    if (isReaching(node, kind, aliases)) found.reachesOut.add(shown(node));
    if (isBending(node, language)) found.bends.add(shown(node));
  }
  return {
    seesTests: [...found.seesTests],
    reachesOut: [...found.reachesOut],
    bends: [...found.bends],
  };
}

type Kind = keyof typeof REACHES;

function isSeeing(node: SyntaxNode, kind: Kind): boolean {
  if (isText(node))
    return !isDocumentation(node) && (RUNNER_WORDS[kind].test(node.text) || ENVIRONMENT.test(node.text));
  if (node.type === "property_identifier" && ENVIRONMENT.test(node.text)) return true;
  if (node.type === "identifier" || node.type === "property_identifier" || node.type === "dotted_name") {
    if (RUNNER_WORDS[kind].test(node.text)) return true;
    return kind === "javascript" && TEST_GLOBALS.test(node.text) && isUndeclared(node);
  }
  return node.type === "meta_property" && node.parent?.text.startsWith("import.meta.vitest") === true;
}

/** `typeof jest`, `vi.fn` … of a name that the file does not have from itself. */
function isUndeclared(node: SyntaxNode): boolean {
  const { parent } = node;
  if (parent?.type === "unary_expression") return /^typeof\b/.test(parent.text);
  return (
    parent?.type === "member_expression" &&
    node.field === "object" &&
    /^(jest|vi|vitest|mocha|jasmine)$/.test(node.text)
  );
}

function isReaching(node: SyntaxNode, kind: Kind, aliases: ReadonlyMap<string, string>): boolean {
  if (isText(node)) {
    if (isDocumentation(node)) return false;
    return PLACES.test(node.text) || (kind === "javascript" && TOOLS_OF_NODE.test(node.text));
  }
  if (kind === "javascript" && (isIndirect(node) || (node.type === "member_expression" && STACK.test(node.text))))
    return true;
  if (node.type === "call" && childOf(node, "function")?.text === "getattr") return isOfModule(node, aliases);
  if (!/^(identifier|attribute|member_expression|meta_property|dotted_name)$/.test(node.type)) return false;
  const name = node.text.length > MAX_SHOWN ? "" : node.text.replace(/\s+/g, "");
  const head = name.split(".", 1)[0] ?? "";
  const meant = aliases.has(head) ? `${aliases.get(head)}${name.slice(head.length)}` : name;
  return (REACHES[kind].test(name) || REACHES[kind].test(meant)) && !isOwnName(node);
}

/** What names of Python stand for that were imported under another, or out of a module. */
function aliasesIn(root: SyntaxNode): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>();
  for (const node of nodesOf(root)) {
    if (node.type !== "import_statement" && node.type !== "import_from_statement") continue;
    const from = childOf(node, "module_name")?.text;
    for (const one of node.children.filter(({ field }) => field === "name")) {
      const name = (childOf(one, "name") ?? one).text;
      const called = childOf(one, "alias")?.text ?? name;
      const meant = from === undefined ? name : `${from}.${name}`;
      if (called !== meant) aliases.set(called, meant);
    }
  }
  return aliases;
}

/** `getattr(sys, …)`: whatever of a module it is. */
function isOfModule(call: SyntaxNode, aliases: ReadonlyMap<string, string>): boolean {
  const [object] = namedChildren(childOf(call, "arguments"));
  const name = object === undefined ? "" : (aliases.get(object.text) ?? object.text);
  return /^(sys|os|inspect|gc|builtins|__builtins__|importlib|threading|signal)$/.test(name);
}

/** `process["argv"]`, `const { argv } = process`. */
function isIndirect(node: SyntaxNode): boolean {
  const GLOBAL = /^(process|globalThis|global|require|import\.meta)$/;
  if (node.type === "subscript_expression") return GLOBAL.test(childOf(node, "object")?.text ?? "");
  return node.type === "variable_declarator" && GLOBAL.test(childOf(node, "value")?.text ?? "");
}

/** A name that the file gives, such as `def compile(…)` or `obj.compile`. */
function isOwnName({ field, parent, type }: SyntaxNode): boolean {
  if (type !== "identifier") return false;
  if (field === "name" && parent !== undefined && /definition|declaration|keyword_argument|method/.test(parent.type))
    return true;
  return field === "attribute" || field === "property";
}

function isBending(node: SyntaxNode, language: CodeLanguage): boolean {
  if (isText(node)) return NAMES_EQUAL.test(node.text) && !isDocumentation(node);
  if (node.type === "property_identifier" && MATCHER.test(node.text)) return true;
  if (/^(assignment|assignment_expression|augmented_assignment|augmented_assignment_expression)$/.test(node.type)) {
    const target = childOf(node, "left")?.text ?? "";
    return (
      BUILT_IN.test(target) || /\.prototype\b/.test(target) || (language === "python" && ALWAYS_EQUAL.test(target))
    );
  }
  return language === "python" && node.type === "function_definition" && isIndifferent(node);
}

/** A comparison that does not look at what it compares with. */
function isIndifferent(definition: SyntaxNode): boolean {
  if (!ALWAYS_EQUAL.test(childOf(definition, "name")?.text ?? "")) return false;
  const [, other] = namedChildren(childOf(definition, "parameters"));
  const body = childOf(definition, "body");
  if (other === undefined || body === undefined) return false;
  const name = (childOf(other, "name") ?? namedChildren(other)[0] ?? other).text.replace(/^\*+/, "");
  for (const node of nodesOf(body)) if (node.type === "identifier" && node.text === name) return false;
  return true;
}

function isText({ type }: SyntaxNode): boolean {
  return type === "string" || type === "template_string" || type === "concatenated_string";
}

/** A text that is a statement: nobody reads it while it runs. */
function isDocumentation({ parent }: SyntaxNode): boolean {
  return parent?.type === "expression_statement";
}

function shown({ text }: SyntaxNode): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line;
}
