import type { Redactor, RedactorStream } from "../../core/index.ts";

/**
 * Reads what an execution prints, before it is masked and kept, and says what is kept of it. What it holds back stays with the sandbox until it is given on, so that after a
 * restart of the server it is read again.
 */
export interface OutputReader {
  /** Takes the text of one stream in its order. Asked for again after a restart, and when another process does the work. */
  open(stream: "stdout" | "stderr"): RedactorStream;
}

/** Keeps nothing: for what nobody is there to read. */
export const KEEPS_NOTHING: OutputReader = {
  open: () => ({ push: () => "", flush: () => "", heldBytes: 0 }),
};

/** The redactor of one stream, with a reader before it. */
export function readFirst(
  reader: () => OutputReader,
  type: "stdout" | "stderr",
  redactor: Redactor | undefined,
): Redactor {
  const plain: Redactor = redactor ?? PLAIN;
  return {
    redact: (text) => plain.redact(text),
    redactJson: (value) => plain.redactJson(value),
    withValues: (values) => readFirst(reader, type, plain.withValues(values)),
    stream: () => chain(reader().open(type), plain.stream()),
  };
}

function chain(first: RedactorStream, second: RedactorStream): RedactorStream {
  return {
    push: (piece) => second.push(first.push(piece)),
    flush: () => second.push(first.flush()) + second.flush(),
    get heldBytes() {
      return first.heldBytes + second.heldBytes;
    },
  };
}

const PLAIN: Redactor = {
  redact: (text) => text,
  redactJson: (value) => value,
  withValues: () => PLAIN,
  stream: () => ({ push: (piece) => piece, flush: () => "", heldBytes: 0 }),
};
