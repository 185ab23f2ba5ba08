import type { SyntaxNode } from "../../../syntax/index.ts";
import type { Command, Embedded } from "./facts.ts";

export type Word = string | undefined;

export const SHELLS: readonly string[] = ["sh", "bash", "zsh", "dash", "ksh", "ash", "fish"];

/** Programs that run what follows, and the flags of theirs that take a value. */
const WRAPPERS: Readonly<Record<string, readonly string[]>> = {
  sudo: ["-u", "-g", "-h", "-p", "-C", "-U", "--user", "--group"],
  doas: ["-u", "-C"],
  env: ["-u", "-C", "-S"],
  nohup: [],
  time: ["-f", "-o"],
  nice: ["-n"],
  ionice: ["-c", "-n"],
  exec: ["-a"],
  command: [],
  builtin: [],
  timeout: ["-s", "-k"],
  xargs: ["-I", "-n", "-P", "-L", "-d", "-a", "-s"],
  stdbuf: ["-i", "-o", "-e"],
  setsid: [],
  busybox: [],
  toybox: [],
  chroot: [],
  watch: ["-n"],
  unbuffer: [],
  parallel: ["-j"],
  flock: ["-w"],
};
/** Wrappers with a word of their own before the program: how long, where. */
const OWN_WORDS: Readonly<Record<string, number>> = { timeout: 1, chroot: 1, flock: 1 };
const MAX_WRAPPERS = 8;

/** A command and, for `sudo`, `env` and the like, the commands that it leads to; and the programs that stand in its words. */
export function readArgv(
  words: readonly Word[],
  node: SyntaxNode,
): { readonly commands: Command[]; readonly embedded: Embedded[] } {
  const commands: Command[] = [];
  const embedded: Embedded[] = [];
  let rest: readonly Word[] | undefined = words;
  for (let turns = 0; rest !== undefined && turns < MAX_WRAPPERS; turns += 1) {
    const [first, ...args]: readonly Word[] = rest;
    if (first === undefined || first === "") break;
    const program = first.split("/").at(-1) ?? first;
    commands.push({ program, args, node });
    embedded.push(...programsIn(program, args, node));
    commands.push(...commandsOfFind(program, args, node));
    rest = behindWrapper(program, args);
  }
  return { commands, embedded };
}

function behindWrapper(program: string, args: readonly Word[]): readonly Word[] | undefined {
  const withValue = Object.hasOwn(WRAPPERS, program) ? WRAPPERS[program] : undefined;
  if (withValue === undefined) return undefined;
  let own = OWN_WORDS[program] ?? 0;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at];
    if (word === undefined) return undefined;
    if (word.startsWith("-")) at += withValue.includes(word) ? 1 : 0;
    else if (/^\w+=/.test(word) && (program === "env" || program === "sudo")) continue;
    else if (own > 0) own -= 1;
    else return args.slice(at);
  }
  return undefined;
}

/** `sh -c CODE`, `python -c CODE`, `node -e CODE`, `su -c CODE`, `eval CODE`. */
function programsIn(program: string, args: readonly Word[], node: SyntaxNode): Embedded[] {
  const after = (flag: RegExp): string | undefined => {
    const at = args.findIndex((word) => word !== undefined && flag.test(word));
    return at === -1 ? undefined : args[at + 1];
  };
  const make = (language: Embedded["language"], code: string | undefined): Embedded[] =>
    code === undefined ? [] : [{ language, code, node }];
  if (SHELLS.includes(program) || program === "su" || program === "script")
    return make("bash", after(/^-[a-z]*c$|^--command$/));
  if (/^(python|pypy)[\d.]*$/.test(program)) return make("python", after(/^-[a-zA-Z]*c$/));
  if (/^(node|nodejs|bun|deno)$/.test(program)) return make("javascript", after(/^(-e|-p|-pe|--eval|--print|eval)$/));
  if (program === "eval" || program === "trap") return make("bash", program === "eval" ? joined(args) : args[0]);
  return [];
}

function joined(args: readonly Word[]): string | undefined {
  return args.length === 0 || args.includes(undefined) ? undefined : args.join(" ");
}

/** `find / -exec rm {} +` calls `rm` with what `find` began at; `find / -delete` is as bad. */
function commandsOfFind(program: string, args: readonly Word[], node: SyntaxNode): Command[] {
  if (program !== "find") return [];
  const starts: Word[] = [];
  for (const word of args) {
    if (word === undefined || word.startsWith("-") || word === "(" || word === "!") break;
    starts.push(word);
  }
  // A search that picks by name or age deletes some files, not the folder.
  const picks = args.some(
    (word) =>
      word !== undefined &&
      /^-(i?name|i?path|mtime|mmin|size|user|empty|newer|i?regex|ctime|atime|perm|maxdepth)$/.test(word),
  );
  if (args.includes("-delete") && !picks) return [{ program: "rm", args: ["-r", ...starts], node }];
  const at = args.findIndex((word) => word === "-exec" || word === "-execdir" || word === "-ok");
  if (at === -1 || picks) return [];
  const [inner, ...rest] = args.slice(at + 1);
  if (inner === undefined) return [];
  return [
    { program: inner.split("/").at(-1) ?? inner, args: [...rest.filter((word) => word !== "{}"), ...starts], node },
  ];
}
