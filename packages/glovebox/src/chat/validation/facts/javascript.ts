import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { Bindings } from "./bindings.ts";
import { type Command, type Embedded, type Facts, factsWith, type Launchers, type Use } from "./facts.ts";
import { argumentsOf, javascriptNames, javascriptText, javascriptWords, moduleName } from "./javascript-values.ts";
import { launchesOf } from "./launches.ts";

const LAUNCHERS: Launchers = {
  shell: ["child_process.exec", "child_process.execSync", "Bun.$", "execaCommand", "shelljs.exec"],
  argv: [
    "child_process.spawn*",
    "child_process.execFile*",
    "child_process.fork",
    "Bun.spawn*",
    "Deno.Command",
    "execa",
  ],
  code: ["eval", "Function"],
};

/** What a program in JavaScript or TypeScript does. */
export function javascriptFacts(root: SyntaxNode): Facts {
  const known = readBindings(root);
  const uses: Use[] = [];
  const commands: Command[] = [];
  const embedded: Embedded[] = [];
  for (const node of nodesOf(root)) {
    const called =
      node.type === "call_expression"
        ? childOf(node, "function")
        : node.type === "new_expression"
          ? childOf(node, "constructor")
          : undefined;
    if (called !== undefined) {
      const names = javascriptNames(called, known);
      const args = argumentsOf(node).map((argument) => javascriptWords(argument, known));
      // The module that is fetched counts as used as well.
      const all = [...names, ...(node.type === "call_expression" ? javascriptNames(node, known) : [])];
      if (all.length > 0) uses.push({ names: all, node, literals: args.flat().filter((text) => text !== undefined) });
      const launched = launchesOf({ names, node, args }, "javascript", LAUNCHERS);
      commands.push(...launched.commands);
      embedded.push(...launched.embedded);
    } else if (/^(import|export)_statement$|^import_require_clause$/.test(node.type)) {
      const module = javascriptText(childOf(node, "source"), known);
      if (module !== undefined) uses.push({ names: [moduleName(module)], node, literals: [] });
    } else if (isReference(node)) {
      uses.push({ names: javascriptNames(node, known), node, literals: [] });
    }
  }
  return factsWith({ uses, commands, embedded });
}

/** What is handed on rather than called: `setTimeout(eval, 0, code)`. */
function isReference(node: SyntaxNode): boolean {
  if (node.type !== "identifier" && node.type !== "member_expression" && node.type !== "subscript_expression")
    return false;
  const { parent, field } = node;
  if (parent === undefined) return false;
  if (["arguments", "array", "spread_element", "return_statement"].includes(parent.type)) return true;
  return field === "value" && (parent.type === "variable_declarator" || parent.type === "pair");
}

/** Twice, as in Python. */
function readBindings(root: SyntaxNode): Bindings {
  const known = new Bindings();
  for (let turn = 0; turn < 2; turn += 1) {
    for (const node of nodesOf(root)) bind(node, known);
  }
  return known;
}

function bind(node: SyntaxNode, known: Bindings): void {
  if (node.type === "import_statement") bindImport(node, known);
  else if (node.type === "import_require_clause") bindRequire(node, known);
  else if (node.type === "variable_declarator") bindPattern(childOf(node, "name"), childOf(node, "value"), known);
  else if (node.type === "assignment_expression") bindPattern(childOf(node, "left"), childOf(node, "right"), known);
  else if (
    (node.type === "function_declaration" || node.type === "class_declaration") &&
    node.parent?.type === "program"
  ) {
    known.own.add(childOf(node, "name")?.text ?? "");
  }
}

function bindImport(node: SyntaxNode, known: Bindings): void {
  const module = moduleName(javascriptText(childOf(node, "source"), known) ?? "");
  for (const inner of nodesOf(node)) {
    if (inner.type === "import_specifier") {
      const name = childOf(inner, "name")?.text ?? "";
      const full = name === "default" ? module : `${module}.${name}`;
      known.add(childOf(inner, "alias")?.text ?? name, [full]);
    } else if (
      inner.type === "namespace_import" ||
      (inner.type === "identifier" && inner.parent?.type === "import_clause")
    ) {
      const name = inner.type === "identifier" ? inner : namedChildren(inner)[0];
      if (name !== undefined) known.add(name.text, [module]);
    }
  }
}

/** `import cp = require("child_process")` */
function bindRequire(node: SyntaxNode, known: Bindings): void {
  const name = namedChildren(node).find(({ type }) => type === "identifier");
  const module = javascriptText(childOf(node, "source"), known);
  if (name !== undefined && module !== undefined) known.add(name.text, [moduleName(module)]);
}

/** `const cp = require("child_process")`, `const { exec: run } = require("child_process")`. */
function bindPattern(pattern: SyntaxNode | undefined, value: SyntaxNode | undefined, known: Bindings): void {
  if (pattern === undefined || value === undefined) return;
  const names = javascriptNames(value, known).filter((name) => name !== "(value)");
  if (pattern.type === "identifier") {
    const text = javascriptText(value, known);
    if (text !== undefined) known.addText(pattern.text, text);
    known.add(
      pattern.text,
      names.filter((name) => name !== pattern.text),
    );
  }
  if (pattern.type !== "object_pattern") return;
  for (const part of namedChildren(pattern)) {
    const key = part.type === "pair_pattern" ? childOf(part, "key")?.text : part.text.split(/[\s=]/)[0];
    const local = part.type === "pair_pattern" ? childOf(part, "value") : part;
    if (key === undefined || local === undefined) continue;
    known.add(
      local.text.split(/[\s=]/)[0] ?? "",
      names.map((name) => (key === "default" ? name : `${name}.${key}`)),
    );
  }
}
