import type { FlowAnswer, FlowQuestion } from "@glovebox/sdk";
import { ExitError } from "../failure.ts";
import { printable } from "../render/printable.ts";

/** Asks whoever sits at the terminal. Ctrl-C there ends the command. */
export async function askInTerminal({ kind, text, diff, choices }: FlowQuestion): Promise<FlowAnswer> {
  const { confirm, isCancel, select, text: line } = await import("@clack/prompts");
  const message = printable(text);
  if (diff !== undefined) process.stdout.write(`${printable(diff)}\n`);
  const said = <T>(value: T): Exclude<T, symbol> => {
    if (isCancel(value)) throw new ExitError(130);
    return value as Exclude<T, symbol>;
  };
  if (kind === "approve") return { approved: said(await confirm({ message })) };
  if (kind === "ask" && choices !== undefined) {
    return {
      answer: said(await select({ message, options: choices.map((value) => ({ value, label: printable(value) })) })),
    };
  }
  if (kind === "ask") return { answer: said(await line({ message })) };
  const asIs = said(
    await confirm({ message: `${message} (yes: as it is; to change it, use glovebox flow answer --diff)` }),
  );
  if (!asIs) throw new ExitError(1);
  return { diff: diff ?? "" };
}
