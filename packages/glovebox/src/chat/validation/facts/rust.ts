import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { readArgv, type Word } from "./argv.ts";
import { Bindings, MAX_DEPTH, unescapeText } from "./bindings.ts";
import { type Command, type Embedded, type Facts, factsWith, type Use } from "./facts.ts";

/** What a Rust program does. */
export function rustFacts(root: SyntaxNode): Facts {
  const known = new Bindings();
  for (const node of nodesOf(root)) {
    if (node.type === "use_declaration") bindUse(childOf(node, "argument"), "", known, 0);
    if (node.type === "type_item") known.add(childOf(node, "name")?.text ?? "", [pathOf(childOf(node, "type"), known)]);
  }
  const uses: Use[] = [];
  const commands: Command[] = [];
  const embedded: Embedded[] = [];
  for (const node of nodesOf(root)) {
    if (node.type !== "scoped_identifier" && node.type !== "identifier") continue;
    if (node.parent?.type === "scoped_identifier" || isInUse(node)) continue;
    const name = pathOf(node, known);
    if (!name.includes("::")) continue;
    const call = node.field === "function" && node.parent?.type === "call_expression" ? node.parent : undefined;
    uses.push({ names: [name], node: call ?? node, literals: call === undefined ? [] : textsOf(call) });
    if (call !== undefined && /(^|::)process::Command::new$/.test(name)) {
      const found = readArgv([...textsOf(call), ...chainedWords(call)], call);
      commands.push(...found.commands);
      embedded.push(...found.embedded);
    }
  }
  return factsWith({ uses, commands, embedded });
}

function isInUse(node: SyntaxNode): boolean {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (at.type === "use_declaration") return true;
    if (at.type.endsWith("_item") || at.type === "block") return false;
  }
  return false;
}

/** `use std::process::{self, Command as C}`, one path at a time. */
function bindUse(node: SyntaxNode | undefined, before: string, known: Bindings, depth: number): void {
  if (node === undefined || depth > MAX_DEPTH) return;
  const under = (path: string) => (before === "" ? path : `${before}::${path}`);
  if (node.type === "use_as_clause") {
    known.add(childOf(node, "alias")?.text ?? "", [under(plain(childOf(node, "path")))]);
  } else if (node.type === "scoped_use_list") {
    const path = under(plain(childOf(node, "path")));
    for (const child of namedChildren(childOf(node, "list"))) bindUse(child, path, known, depth + 1);
  } else if (node.type === "use_list") {
    for (const child of namedChildren(node)) bindUse(child, before, known, depth + 1);
  } else if (node.type === "use_wildcard") {
    known.opened.add(under(plain(namedChildren(node)[0])));
  } else if (node.type === "self") {
    known.add(before.split("::").at(-1) ?? "", [before]);
  } else {
    const path = under(plain(node));
    known.add(path.split("::").at(-1) ?? "", [path]);
  }
}

function plain(node: SyntaxNode | undefined): string {
  return (node?.text ?? "").replace(/\s+/g, "").replace(/^::/, "");
}

/** A path with its first name replaced by what that stands for. */
function pathOf(node: SyntaxNode | undefined, known: Bindings): string {
  const path = plain(node);
  const [first = "", ...rest] = path.split("::");
  const [stands] = known.of(first);
  if (stands !== undefined) return [stands, ...rest].join("::");
  const [opened] = [...known.opened].filter((module) => module.startsWith("std::process") || module === "std");
  return opened !== undefined && /^(Command|process)$/.test(first) ? `${opened}::${path}` : path;
}

/** `.arg("-c").args(["a", "b"])` behind `Command::new(…)`. */
function chainedWords(call: SyntaxNode): Word[] {
  const words: Word[] = [];
  let at: SyntaxNode = call;
  for (;;) {
    const field = at.parent;
    const next = field?.parent;
    if (field?.type !== "field_expression" || next?.type !== "call_expression") return words;
    const method = childOf(field, "field")?.text;
    if (method === "arg" || method === "args") {
      const [given] = namedChildren(childOf(next, "arguments"));
      const found = textsOf(next);
      words.push(...(found.length === 0 && given !== undefined ? [undefined] : found));
    }
    at = next;
  }
}

/** The literal strings among a call's arguments, also in a list. */
function textsOf(call: SyntaxNode): string[] {
  const texts: string[] = [];
  const given = childOf(call, "arguments");
  if (given === undefined) return texts;
  for (const node of nodesOf(given)) {
    if (node.type === "string_literal") texts.push(unescapeText(node.text.slice(1, -1)));
    else if (node.type === "raw_string_literal") texts.push(node.text.replace(/^b?r#*"|"#*$/g, ""));
  }
  return texts;
}
