import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { readArgv, SHELLS, type Word } from "./argv.ts";
import { type Command, type Embedded, type Facts, factsWith } from "./facts.ts";
import { readVariables, textOf, type Variables, wordsOf } from "./shell-words.ts";

interface Found {
  readonly variables: Variables;
  readonly commands: Command[];
  readonly embedded: Embedded[];
  readonly pipes: Facts["pipes"][number][];
  readonly writes: Facts["writes"][number][];
  readonly forkBombs: SyntaxNode[];
}

const RUNS_ITS_WORDS = new Set([...SHELLS, "eval", "source", "."]);

/** What a shell's script does. */
export function bashFacts(root: SyntaxNode): Facts {
  const found: Found = {
    variables: readVariables(root),
    commands: [],
    embedded: [],
    pipes: [],
    writes: [],
    forkBombs: [],
  };
  for (const node of nodesOf(root)) {
    if (node.type === "command") readCommand(node, found);
    else if (node.type === "pipeline") readPipeline(node, found);
    else if (node.type === "file_redirect") readRedirect(node, found);
    else if (node.type === "function_definition" && isForkBomb(node)) found.forkBombs.push(node);
  }
  return factsWith(found);
}

function argvOf(node: SyntaxNode, variables: Variables): Word[] {
  const words = node.children.filter(
    ({ type, named }) => named && type !== "variable_assignment" && !type.endsWith("_redirect"),
  );
  return wordsOf(words, variables);
}

function readCommand(node: SyntaxNode, found: Found): void {
  const { commands, embedded } = readArgv(argvOf(node, found.variables), node);
  found.commands.push(...commands);
  found.embedded.push(...embedded);
  const fed = interpreterOf(commands);
  if (fed !== undefined) for (const code of inputOf(node)) found.embedded.push({ language: fed, code, node });
  const runner = commands.find(({ program }) => RUNS_ITS_WORDS.has(program));
  if (runner !== undefined) readSubstitutions(node, runner, found);
}

/** The language of the code that a command reads from its input. */
function interpreterOf(commands: readonly Command[]): Embedded["language"] | undefined {
  for (const { program, args } of commands) {
    const scripts = args.filter((word) => word === undefined || (word !== "-" && !word.startsWith("-")));
    if (scripts.length > 0 && !args.includes("-s")) continue;
    if (SHELLS.includes(program)) return "bash";
    if (/^(python|pypy)[\d.]*$/.test(program)) return "python";
    if (/^(node|nodejs)$/.test(program)) return "javascript";
  }
  return undefined;
}

/** A here-document or here-string that is given to a command; those stand beside it, around it, or in it. */
function inputOf(node: SyntaxNode): string[] {
  let at: SyntaxNode = node;
  const places = [...node.children];
  for (let up = 0; up < 3 && at.parent !== undefined; up += 1) {
    if (at.parent.type === "redirected_statement") places.push(...at.parent.children);
    at = at.parent;
  }
  const texts: string[] = [];
  for (const place of places) {
    if (place.type === "heredoc_redirect") {
      texts.push(place.children.find(({ type }) => type === "heredoc_body")?.text ?? "");
    } else if (place.type === "herestring_redirect") {
      const [word] = namedChildren(place);
      const text = word === undefined ? undefined : textOf(word, new Map());
      if (text !== undefined) texts.push(text);
    }
  }
  return texts.filter((text) => text !== "");
}

/** `bash <(curl …)`, `sh -c "$(curl …)"`, `eval "$(wget …)"`. */
function readSubstitutions(node: SyntaxNode, runner: Command, found: Found): void {
  for (const inner of nodesOf(node)) {
    if (inner.type !== "process_substitution" && inner.type !== "command_substitution") continue;
    const from: string[] = [];
    for (const part of nodesOf(inner)) {
      if (part.type === "command")
        from.push(...readArgv(argvOf(part, found.variables), part).commands.map(({ program }) => program));
    }
    found.pipes.push({ from, to: SHELLS.includes(runner.program) ? runner.program : "sh", node });
  }
}

function readPipeline(node: SyntaxNode, found: Found): void {
  const before: string[] = [];
  let printed: string | undefined;
  for (const stage of namedChildren(node)) {
    const command = stage.type === "redirected_statement" ? childOf(stage, "body") : stage;
    if (command?.type !== "command") {
      printed = undefined;
      continue;
    }
    const argv = argvOf(command, found.variables);
    const { commands } = readArgv(argv, command);
    for (const { program } of commands) {
      if (before.length > 0) found.pipes.push({ from: [...before], to: program, node });
    }
    const fed = interpreterOf(commands);
    if (fed !== undefined && printed !== undefined) found.embedded.push({ language: fed, code: printed, node });
    printed = printedBy(argv);
    before.push(...commands.map(({ program }) => program));
  }
}

/** What `echo` and `printf` print, when it is written out. */
function printedBy(argv: readonly Word[]): string | undefined {
  const [program, ...args] = argv;
  if ((program !== "echo" && program !== "printf") || args.includes(undefined)) return undefined;
  return args.filter((word) => word !== undefined && !/^-[neE]+$/.test(word)).join(" ");
}

function readRedirect(node: SyntaxNode, found: Found): void {
  if (!node.children.some(({ type }) => type.startsWith(">") || type === "&>" || type === "&>>")) return;
  const destination = childOf(node, "destination");
  const path = destination === undefined ? undefined : textOf(destination, found.variables);
  if (path !== undefined) found.writes.push({ path, node });
}

/** A function whose body calls it twice, or once in the background. */
function isForkBomb(node: SyntaxNode): boolean {
  const name = childOf(node, "name")?.text;
  const body = childOf(node, "body");
  if (name === undefined || body === undefined) return false;
  let calls = 0;
  let background = false;
  for (const inner of nodesOf(body)) {
    if (inner.type === "command" && childOf(inner, "name")?.text === name) calls += 1;
    if (inner.type === "&") background = true;
  }
  return background && calls >= 1;
}
