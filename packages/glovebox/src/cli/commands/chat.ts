import { text as readAll } from "node:stream/consumers";
import type { Glovebox, Turn } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { EXIT, ExitError, UsageError } from "../failure.ts";
import { coloursFor } from "../render/colours.ts";
import { printJson } from "../render/print.ts";
import { onInterrupt } from "../run/interrupt.ts";
import { flagsOf } from "./options.ts";

interface ChatFlags {
  readonly conversation?: string;
  readonly message?: string;
  readonly model?: string;
}

export function addChat(program: Command): void {
  program
    .command("chat [assistant]")
    .description("Talk with an assistant whose code runs in a sandbox; asks in place where a person must decide")
    .option("-c, --conversation <id>", "go on with this conversation")
    .option("-m, --message <text>", "say this and leave when the turn has ended (in a pipe, stdin is what is said)")
    .option("--model <name>", "another model that the assistant allows")
    .action(async (named: string | undefined, _options, command: Command) => {
      const flags = flagsOf<ChatFlags>(command);
      const box = await openClient(flags);
      const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
      const message = flags.message ?? (isTerminal ? undefined : await readAll(process.stdin));
      const assistant = named ?? (await assistantOf(box, flags.conversation));
      const start = { assistant, conversationId: flags.conversation, model: flags.model };
      if (message === undefined) {
        if (flags.json === true) throw new UsageError("--json needs a message", "add -m MESSAGE");
        // Before anything is typed for nobody.
        await box.assistants.get(assistant);
        const { chatLoop } = await import("../chat/loop.ts");
        return chatLoop(box, start);
      }
      if (message.trim() === "") throw new UsageError("there is nothing to say", "add -m MESSAGE");
      const turn = await say(box, start, message, flags.json === true);
      if (turn.status === "cancelled") throw new ExitError(130);
      if (turn.status === "error") throw new ExitError(EXIT.failed);
    });
}

interface Start {
  readonly assistant: string;
  readonly conversationId: string | undefined;
  readonly model: string | undefined;
}

/** One turn. As JSON its result; else as it happens, and questions are answered elsewhere. The first Ctrl-C cancels it. */
async function say(box: Glovebox, start: Start, message: string, json: boolean): Promise<Turn> {
  const { takeTurn } = await import("../chat/take-turn.ts");
  const { TurnView } = await import("../chat/turn-view.ts");
  const interrupt = onInterrupt();
  try {
    const { signal } = interrupt;
    const input = { ...start, messages: [{ role: "user" as const, text: message }] };
    const show = json ? () => {} : (text: string) => void process.stdout.write(text);
    const turn = await takeTurn(box, input, { view: new TurnView(show, coloursFor(process.stdout)), signal });
    if (json) printJson(turn);
    return turn;
  } finally {
    interrupt.stop();
  }
}

/** The conversation's, or the only one there is. */
async function assistantOf(box: Glovebox, conversationId: string | undefined): Promise<string> {
  if (conversationId !== undefined) return (await box.conversations.get(conversationId)).assistant;
  const { items } = await box.assistants.list();
  const [only, ...more] = items;
  if (only !== undefined && more.length === 0) return only.name;
  const names = items.map(({ name }) => name).join(", ");
  throw new UsageError("which assistant?", names === "" ? "this server has none" : `there are ${names}`);
}
