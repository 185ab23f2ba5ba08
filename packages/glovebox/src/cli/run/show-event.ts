import type { StoredEvent } from "../../core/index.ts";
import { coloursFor } from "../render/colours.ts";
import { printable } from "../render/printable.ts";
import { programOutput, writeFully } from "./program-output.ts";

/** Passes the program's output through, and tells on stderr what the system had to say of it. */
export async function showEvent(event: StoredEvent): Promise<void> {
  const output = programOutput(event);
  if (output !== undefined) await writeFully(output.fd, output.bytes);
  else if (event.type === "system" && event.payload.level !== "info") {
    const colours = coloursFor({ isTTY: process.stderr.isTTY === true });
    await writeFully(2, Buffer.from(`${colours.yellow("glovebox:")} ${printable(event.payload.message)}\n`));
  }
}
