import type { Language } from "../../../core/index.ts";
import type { SyntaxNode } from "../../../syntax/index.ts";
import { isLike } from "../targets.ts";
import { readArgv, type Word } from "./argv.ts";
import type { Command, Embedded, Launchers } from "./facts.ts";

/** A call, with what is written out of its arguments: a text, a list of texts, or neither. */
export interface Call {
  readonly names: readonly string[];
  readonly node: SyntaxNode;
  readonly args: readonly (string | readonly Word[] | undefined)[];
}

/** The programs and commands in a call's arguments. */
export function launchesOf(
  { names, node, args }: Call,
  language: Language,
  launchers: Launchers,
): { readonly commands: Command[]; readonly embedded: Embedded[] } {
  const commands: Command[] = [];
  const embedded: Embedded[] = [];
  const [first] = args;
  const is = (list: readonly string[]) => names.some((name) => isLike(name, list));
  if (typeof first === "string" && is(launchers.code)) embedded.push({ language, code: first, node });
  if (typeof first === "string" && is(launchers.shell)) embedded.push({ language: "bash", code: first, node });
  if (is(launchers.argv) && (typeof first !== "string" || args.length > 1 || !is(launchers.shell))) {
    const words = args.flat();
    const found = readArgv(words, node);
    commands.push(...found.commands);
    embedded.push(...found.embedded);
  }
  return { commands, embedded };
}
