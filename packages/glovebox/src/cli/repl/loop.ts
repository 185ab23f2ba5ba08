import { createInterface, type Interface } from "node:readline";
import type { Language } from "../../core/index.ts";
import { coloursFor } from "../render/colours.ts";
import { languageNamed } from "../run/arguments.ts";
import type { ReplBackend } from "./backend.ts";
import { historyFile, readHistory, writeHistory } from "./history.ts";
import { isIncomplete } from "./incomplete.ts";
import { showResult } from "./show-result.ts";

const PROMPTS: Readonly<Record<Language, string>> = {
  python: "py",
  javascript: "js",
  typescript: "ts",
  bash: "sh",
  rust: "rs",
};

const HELP = `.help         this text
.lang NAME    go on in another language of the session
.exit         leave (also Ctrl-D)
Ctrl-C        stop what runs; at the prompt, drop what was typed
An empty line ends a block; two send what was typed as it is.
`;

interface State {
  language: Language;
  buffer: string[];
  failed: boolean;
}

/** Reads, evaluates and shows until the input ends or `.exit`. Gives the exit code: in a pipe 1 when anything failed. */
export async function replLoop(backend: ReplBackend, first: Language): Promise<number> {
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const state: State = { language: first, buffer: [], failed: false };
  const show = showResult();
  const history = historyFile();
  let running: AbortController | undefined;
  let left = false;
  const editor = createInterface({
    input: process.stdin,
    terminal: interactive,
    ...(interactive && { output: process.stdout, history: readHistory(history), removeHistoryDuplicates: true }),
  });
  const interrupt = () => {
    if (running !== undefined) return running.abort();
    if (!interactive) return editor.close();
    state.buffer = [];
    process.stdout.write("^C\n");
    prompt(editor, state, interactive);
  };
  // Ends in order, so that the sandbox and its folder go.
  const leave = () => {
    running?.abort();
    editor.close();
  };
  editor.on("SIGINT", interrupt);
  process.on("SIGINT", interrupt);
  process.once("SIGTERM", leave);
  process.once("SIGHUP", leave);
  try {
    if (interactive) greet(backend, state);
    prompt(editor, state, interactive);
    for await (const line of editor) {
      const step = takeLine(line, state, backend);
      if (step === "exit") {
        left = true;
        break;
      }
      if (step !== "more") {
        running = new AbortController();
        await evaluate(backend, state, step, running.signal, show);
        running = undefined;
      }
      prompt(editor, state, interactive);
    }
    if (interactive && !left) process.stdout.write("\n");
    const rest = state.buffer.join("\n");
    if (!interactive && rest.trim() !== "") await evaluate(backend, state, rest, AbortSignal.any([]), show);
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", leave);
    process.off("SIGHUP", leave);
    if (interactive) writeHistory(history, (editor as Interface & { history?: string[] }).history ?? []);
    editor.close();
  }
  return state.failed && !interactive ? 1 : 0;
}

function greet(backend: ReplBackend, { language }: State): void {
  const colours = coloursFor(process.stdout);
  process.stdout.write(
    `${colours.bold(`Glovebox ${language}`)} ${colours.dim(`(${backend.where}). .help tells more.`)}\n`,
  );
}

function prompt(editor: Interface, { language, buffer }: State, interactive: boolean): void {
  if (!interactive) return;
  const name = PROMPTS[language];
  editor.setPrompt(buffer.length === 0 ? `${name}> ` : `${".".repeat(name.length)}| `);
  editor.prompt();
}

/** What a line leads to: leaving, asking for more, or code to evaluate. */
export function takeLine(
  line: string,
  state: State,
  backend: Pick<ReplBackend, "languages">,
): "exit" | "more" | { code: string } {
  if (state.buffer.length === 0) {
    if (line.trim() === "") return "more";
    const command = /^\.(\w+)(?:\s+(\S+))?\s*$/.exec(line);
    // In bash `. file` reads a file and `.5` is a number elsewhere: only the words below are commands.
    if (command !== null && ["exit", "help", "lang"].includes(command[1] as string)) {
      return dotCommand(command[1] as string, command[2], state, backend);
    }
  }
  const forced = line === "" && state.buffer.at(-1) === "";
  state.buffer.push(line);
  const code = state.buffer.join("\n");
  if (!forced && isIncomplete(state.language, code)) return "more";
  state.buffer = [];
  return { code: code.replace(/\n+$/, "") };
}

function dotCommand(
  name: string,
  value: string | undefined,
  state: State,
  backend: Pick<ReplBackend, "languages">,
): "exit" | "more" {
  if (name === "exit") return "exit";
  if (name === "help") process.stdout.write(HELP);
  else {
    const language = value === undefined ? undefined : languageNamed(value);
    if (language !== undefined && backend.languages.includes(language)) state.language = language;
    else process.stderr.write(`this session has ${backend.languages.join(", ")}\n`);
  }
  return "more";
}

async function evaluate(
  backend: ReplBackend,
  state: State,
  work: string | { readonly code: string },
  signal: AbortSignal,
  show: ReturnType<typeof showResult>,
): Promise<void> {
  const code = typeof work === "string" ? work : work.code;
  const { status } = await backend.evaluate(code, state.language, { signal, onEvent: show });
  if (status !== "ok") state.failed = true;
}
