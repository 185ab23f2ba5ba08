import type { Edit } from "../mutation.ts";
import { callOf, memberOf } from "../view.ts";
import { type Operator, replace, type Site } from "./site.ts";

/** More are not swapped. */
const MAX_ARGUMENTS = 5;

/** Functions and methods of the languages that people take for each other. */
const SIBLINGS: readonly (readonly string[])[] = [
  ["append", "extend", "insert", "add"],
  ["push", "unshift"],
  ["pop", "popleft", "shift"],
  ["upper", "lower", "title", "capitalize"],
  ["toUpperCase", "toLowerCase"],
  ["strip", "lstrip", "rstrip"],
  ["trim", "trimStart", "trimEnd"],
  ["startswith", "endswith"],
  ["startsWith", "endsWith", "includes"],
  ["find", "rfind", "index", "rindex"],
  ["indexOf", "lastIndexOf"],
  ["partition", "rpartition"],
  ["split", "rsplit"],
  ["padStart", "padEnd"],
  ["ljust", "rjust"],
  ["keys", "values", "items", "entries"],
  ["union", "intersection", "difference"],
  ["floor", "ceil", "round", "trunc"],
  ["min", "max"],
  ["any", "all"],
  ["some", "every"],
  ["filter", "map", "flatMap"],
  ["find", "findLast", "filter"],
  ["remove", "discard", "pop"],
  ["isdigit", "isalpha", "isalnum", "isspace"],
  ["islower", "isupper"],
  ["slice", "splice"],
  ["sorted", "reversed", "list"],
];

/** Arguments in another order, and another function or attribute in place of one. */
export const calls: Operator = function* (site) {
  yield* swapped(site);
  yield* members(site);
  yield* builtins(site);
};

function* swapped({ node, source }: Site): Generator<Edit> {
  const call = callOf(node);
  const given = call?.arguments ?? [];
  if (given.length < 2 || given.length > MAX_ARGUMENTS) return;
  for (let one = 0; one < given.length; one += 1) {
    for (let two = one + 1; two < given.length; two += 1) {
      const [first, second] = [given[one], given[two]];
      if (first === undefined || second === undefined || first.text === second.text) continue;
      if ([first, second].some(({ type }) => /keyword|splat|spread|function|lambda/.test(type))) continue;
      const between = source.slice(first.end, second.start);
      const weight = two === one + 1 ? 1 : 0.6;
      yield {
        kind: "swapped_arguments",
        start: first.start,
        end: second.end,
        text: second.text + between + first.text,
        weight,
      };
    }
  }
}

function* members({ node, names }: Site): Generator<Edit> {
  const member = memberOf(node);
  if (member === undefined) return;
  const { property } = member;
  const isCall = node.field === "function";
  const tried = new Set([property.text]);
  for (const other of SIBLINGS.filter((all) => all.includes(property.text)).flat()) {
    if (tried.has(other)) continue;
    tried.add(other);
    yield replace("member", property, other, 0.9);
  }
  if (isCall && property.text === "pop" && callOf(node.parent ?? node)?.arguments.length === 0) {
    const list = callOf(node.parent ?? node)?.list;
    if (list !== undefined) yield replace("member", list, "(0)", 0.8);
  }
  for (const other of names.members(node)) {
    if (tried.has(other)) continue;
    tried.add(other);
    yield replace("member", property, other, 0.5);
  }
}

function* builtins({ node }: Site): Generator<Edit> {
  const callee = callOf(node)?.callee;
  if (callee?.type !== "identifier") return;
  for (const other of SIBLINGS.filter((all) => all.includes(callee.text)).flat()) {
    if (other !== callee.text) yield replace("member", callee, other, 0.8);
  }
}
