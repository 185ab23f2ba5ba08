import { createInterface, type Interface } from "node:readline";
import type { Glovebox } from "@glovebox/sdk";
import { isGloveboxError } from "@glovebox/sdk";
import { failureOf, failureText } from "../failure.ts";
import { coloursFor } from "../render/colours.ts";
import { printable } from "../render/printable.ts";
import { takeTurn } from "./take-turn.ts";
import { TurnView } from "./turn-view.ts";

export interface ChatStart {
  readonly assistant: string;
  readonly conversationId: string | undefined;
  readonly model: string | undefined;
}

const HELP = `.help    this text
.exit    leave (also Ctrl-D); the conversation stays: glovebox chat --conversation ID
Ctrl-C   cancel the turn; at the prompt, drop what was typed
`;

/** Talks with an assistant on a terminal until the input ends. */
export async function chatLoop(box: Glovebox, start: ChatStart): Promise<void> {
  const person = new Person();
  let { conversationId } = start;
  const colours = coloursFor(process.stdout);
  process.stdout.write(
    `${colours.bold(printable(start.assistant))} ${colours.dim("listens. .help tells more, Ctrl-D leaves.")}\n`,
  );
  try {
    for (;;) {
      const line = await person.ask(`${start.assistant}> `);
      if (line === undefined || line.trim() === ".exit") break;
      if (line.trim() === ".help") process.stdout.write(HELP);
      else if (line.trim() !== "") {
        conversationId = (await oneTurn(box, person, { ...start, conversationId }, line)) ?? conversationId;
      }
    }
  } finally {
    person.leave();
  }
  if (conversationId === undefined) return;
  process.stdout.write(colours.dim(`go on with: glovebox chat --conversation ${conversationId}\n`));
}

/** Gives the conversation's id; errors are shown, and the talk goes on. */
async function oneTurn(
  box: Glovebox,
  person: Person,
  { assistant, conversationId, model }: ChatStart,
  text: string,
): Promise<string | undefined> {
  const view = new TurnView((piece) => process.stdout.write(piece), coloursFor(process.stdout));
  const cancel = new AbortController();
  person.onInterrupt = () => cancel.abort();
  try {
    const input = { assistant, messages: [{ role: "user" as const, text }], conversationId, model };
    const result = await takeTurn(box, input, {
      view,
      signal: cancel.signal,
      decide: async (_approval, signal) => {
        const word = await person.ask("  run it? [y/N] ", signal);
        return word === undefined ? undefined : /^y(es)?$/i.test(word.trim()) ? "approve" : "refuse";
      },
    });
    return result.conversationId;
  } catch (error) {
    if (!isGloveboxError(error)) throw error;
    process.stderr.write(failureText(failureOf(error), coloursFor(process.stderr)));
    return undefined;
  } finally {
    person.onInterrupt = undefined;
  }
}

/** Who types. One question at a time; Ctrl-C goes to `onInterrupt` while there is one, and to what is being typed else. */
class Person {
  /** Set while there is something to interrupt. */
  onInterrupt: (() => void) | undefined;
  readonly #editor: Interface;
  #isGone = false;
  #answered: ((line: string | undefined) => void) | undefined;
  #prompt = "";

  constructor() {
    this.#editor = createInterface({ input: process.stdin, output: process.stdout, terminal: true });
    this.#editor.on("SIGINT", () => this.#interrupt());
    this.#editor.on("line", (line) => this.#answer(line));
    this.#editor.on("close", () => {
      this.#isGone = true;
      if (this.#answered !== undefined) process.stdout.write("\n");
      this.#answer(undefined);
      // Ctrl-D in the middle of a turn ends it, too: nobody would see it.
      this.onInterrupt?.();
    });
  }

  /** What is typed next; `undefined` when there will be no more, or the signal aborts. */
  async ask(prompt: string, signal?: AbortSignal): Promise<string | undefined> {
    if (this.#isGone || signal?.aborted === true) return undefined;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const stop = () => {
      process.stdout.write("\n");
      this.#answer(undefined);
    };
    this.#answered = resolve;
    this.#prompt = prompt;
    signal?.addEventListener("abort", stop, { once: true });
    this.#editor.setPrompt(prompt);
    this.#editor.prompt();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  leave(): void {
    this.onInterrupt = undefined;
    this.#editor.close();
  }

  #answer(line: string | undefined): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(line);
  }

  #interrupt(): void {
    if (this.onInterrupt !== undefined) {
      this.onInterrupt();
      return;
    }
    process.stdout.write("^C\n");
    this.#editor.setPrompt(this.#prompt);
    // Drops what was typed.
    this.#editor.write(null, { ctrl: true, name: "u" });
    this.#editor.prompt();
  }
}
