import type { Language } from "../../core/index.ts";
import { nodesOf, type SyntaxNode } from "../../syntax/index.ts";
import type { Command, Facts } from "./facts/facts.ts";
import { isLike, isTarget } from "./targets.ts";
import type { Pattern, Rule, Target } from "./types.ts";

/** Whether a rule is for code of a language. */
export function holdsFor(rule: Rule, language: Language): boolean {
  return rule.language === "any" || rule.language === (language === "typescript" ? "javascript" : language);
}

/** Where in the code a pattern is found. */
export function* matchesOf(pattern: Pattern, facts: Facts, root: SyntaxNode): Generator<SyntaxNode> {
  switch (pattern.kind) {
    case "name":
      for (const { names, node, literals } of facts.uses) {
        if (names.some((name) => isLike(name, pattern.names)) && anyIs(literals, pattern.argument)) yield node;
      }
      return;
    case "node":
      for (const node of nodesOf(root)) if (pattern.types.includes(node.type)) yield node;
      return;
    case "command":
      for (const command of facts.commands) if (isCommand(command, pattern)) yield command.node;
      return;
    case "pipe":
      for (const { from, to, node } of facts.pipes) {
        if (isLike(to, pattern.to) && from.some((program) => isLike(program, pattern.from))) yield node;
      }
      return;
    case "write":
      for (const { path, node } of facts.writes) if (isTarget(path, pattern.argument)) yield node;
      return;
    case "fork-bomb":
      yield* facts.forkBombs;
      return;
    case "whole":
      return;
  }
}

function anyIs(texts: readonly string[], target: Target | undefined): boolean {
  return target === undefined || texts.some((text) => isTarget(text, target));
}

function isCommand({ program, args }: Command, pattern: Extract<Pattern, { kind: "command" }>): boolean {
  if (!isLike(program, pattern.programs)) return false;
  const told = args.filter((word) => word !== undefined);
  if (pattern.flags !== undefined && !hasFlag(told, pattern.flags)) return false;
  return anyIs(told, pattern.argument);
}

/** `-rf` has `r` and `f`; long flags are spelt out. */
function hasFlag(words: readonly string[], flags: readonly string[]): boolean {
  return words.some((word) => {
    if (word.startsWith("--")) return flags.includes(word.slice(2));
    return /^-\w+$/.test(word) && [...word.slice(1)].some((letter) => flags.includes(letter));
  });
}
