import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { Bindings } from "./bindings.ts";
import { type Command, type Embedded, type Facts, factsWith, type Launchers, type Use } from "./facts.ts";
import { launchesOf } from "./launches.ts";
import { argumentsOf, pythonNames, pythonText, pythonWords } from "./python-values.ts";

const LAUNCHERS: Launchers = {
  shell: [
    "os.system",
    "os.popen",
    "subprocess.*",
    "commands.*",
    "asyncio.create_subprocess_shell",
    "asyncio.subprocess.create_subprocess_shell",
    "pty.spawn",
  ],
  argv: ["subprocess.*", "os.spawn*", "os.exec*", "os.posix_spawn*", "asyncio.create_subprocess_exec", "pty.spawn"],
  code: ["builtins.eval", "builtins.exec"],
};

/** What a Python program does. */
export function pythonFacts(root: SyntaxNode): Facts {
  const known = readBindings(root);
  const uses: Use[] = [];
  const commands: Command[] = [];
  const embedded: Embedded[] = [];
  for (const node of nodesOf(root)) {
    if (node.type === "call") {
      const names = pythonNames(childOf(node, "function"), known);
      const args = argumentsOf(node).map((argument) => pythonWords(argument, known));
      if (names.length > 0) uses.push({ names, node, literals: args.flat().filter((text) => text !== undefined) });
      const launched = launchesOf({ names, node, args }, "python", LAUNCHERS);
      commands.push(...launched.commands);
      embedded.push(...launched.embedded);
    } else if (isReference(node)) {
      const names = pythonNames(node, known);
      if (names.length > 0) uses.push({ names, node, literals: [] });
    }
  }
  return factsWith({ uses, commands, embedded });
}

/** A name that is handed on rather than called: `map(os.system, commands)`. */
function isReference(node: SyntaxNode): boolean {
  if (node.type !== "identifier" && node.type !== "attribute" && node.type !== "subscript") return false;
  const { parent, field } = node;
  if (parent === undefined || field === "function" || field === "name" || field === "left" || field === "object")
    return false;
  if (parent.type === "attribute" || (parent.type === "subscript" && field === "value")) return false;
  return !/import|dotted_name|parameter|definition|global_statement|nonlocal_statement/.test(parent.type);
}

/** Twice over the program: what the second finds may stand on what was bound below it. */
function readBindings(root: SyntaxNode): Bindings {
  const known = new Bindings();
  for (let turn = 0; turn < 2; turn += 1) {
    for (const node of nodesOf(root)) bind(node, known);
  }
  return known;
}

function bind(node: SyntaxNode, known: Bindings): void {
  if (node.type === "import_statement") bindImports(node, "", known);
  else if (node.type === "import_from_statement") bindFrom(node, known);
  else if (node.type === "assignment" || node.type === "named_expression") bindAssignment(node, known);
  else if ((node.type === "function_definition" || node.type === "class_definition") && isAtTop(node)) {
    known.own.add(childOf(node, "name")?.text ?? "");
  } else if (node.type === "with_item") bindAs(node, known);
}

function isAtTop(node: SyntaxNode): boolean {
  const parent = node.parent?.type === "decorated_definition" ? node.parent.parent : node.parent;
  return parent?.type === "module";
}

/** `import os`, `import os.path`, `import os as o`; after `from`, the same with the module before the name. */
function bindImports(node: SyntaxNode, module: string, known: Bindings): void {
  for (const child of node.children) {
    if (child.field !== "name") continue;
    const isAliased = child.type === "aliased_import";
    const name = (isAliased ? childOf(child, "name") : child)?.text ?? "";
    const full = module === "" ? name : `${module}.${name}`;
    const alias = isAliased ? childOf(child, "alias")?.text : undefined;
    const top = name.split(".")[0] ?? name;
    if (alias !== undefined) known.add(alias, [full]);
    else known.add(top, [module === "" ? top : full]);
  }
}

function bindFrom(node: SyntaxNode, known: Bindings): void {
  const module = childOf(node, "module_name")?.text ?? "";
  if (node.children.some(({ type }) => type === "wildcard_import")) known.opened.add(module);
  bindImports(node, module, known);
}

function bindAssignment(node: SyntaxNode, known: Bindings): void {
  const left = childOf(node, "left") ?? childOf(node, "name");
  const right = childOf(node, "right") ?? childOf(node, "value");
  const [lefts, rights] = [left, right].map((side) =>
    side !== undefined && /pattern_list|tuple|expression_list|list_pattern/.test(side.type)
      ? namedChildren(side)
      : [side],
  );
  for (const [at, name] of (lefts ?? []).entries()) {
    if (name?.type !== "identifier") continue;
    const value = rights?.[at];
    const text = pythonText(value, known);
    if (text !== undefined) known.addText(name.text, text);
    // A call's value is another thing than what is called, except where a call fetches something by its name.
    const names = value?.type === "call" ? fetchedBy(value, known) : pythonNames(value, known);
    const real = names.filter((one) => one !== `builtins.${value?.text}` || BUILTINS_OF_INTEREST.test(one));
    known.add(name.text, real);
  }
}

const BUILTINS_OF_INTEREST = /^builtins\.(eval|exec|compile|__import__|getattr|open)$/;

function fetchedBy(call: SyntaxNode, known: Bindings): readonly string[] {
  const called = pythonNames(childOf(call, "function"), known);
  const fetches = called.some((name) => /^(builtins\.(getattr|__import__|vars)|importlib\.import_module)$/.test(name));
  return fetches ? pythonNames(call, known) : [];
}

/** `with a as b`. */
function bindAs(node: SyntaxNode, known: Bindings): void {
  const value = childOf(node, "value");
  if (value?.type !== "as_pattern") return;
  const [object] = namedChildren(value);
  const alias = childOf(value, "alias");
  if (alias !== undefined && object !== undefined && object.type !== "call")
    known.add(alias.text, pythonNames(object, known));
}
