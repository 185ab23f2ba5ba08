import type { RedactorStream } from "../../core/index.ts";
import type { OutputReader } from "../../sessions/index.ts";

const MAX_CAPTURED = 32 * 1_048_576;

/** Keeps what is printed for the caller, and nothing of it in the events. */
export class Captured implements OutputReader {
  stdout = "";
  stderr = "";

  open(stream: "stdout" | "stderr"): RedactorStream {
    const push = (piece: string) => {
      if (this[stream].length < MAX_CAPTURED) this[stream] += piece;
      return "";
    };
    return { push, flush: () => "", heldBytes: 0 };
  }
}
