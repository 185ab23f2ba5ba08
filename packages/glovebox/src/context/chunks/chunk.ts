/** A piece of a document that is found by itself. Lines from 1, both included. */
export interface Chunk {
  readonly startLine: number;
  readonly endLine: number;
  readonly text: string;
}

/** More lines, or more characters, are cut into several. */
export const MAX_CHUNK_LINES = 80;
export const MAX_CHUNK_CHARS = 4_000;

/** Splits lines `from` to `to` (from 1, both included) into pieces that are not too large; empty ones are left out. A line that is too long for one piece goes on in the next. */
export function cutLines(lines: readonly string[], from: number, to: number): Chunk[] {
  const chunks: Chunk[] = [];
  let held: { readonly line: number; readonly piece: string }[] = [];
  let chars = 0;
  const close = (): void => {
    const text = held.map(({ piece }) => piece).join("\n");
    const [first, last] = [held[0], held.at(-1)];
    if (first !== undefined && last !== undefined && text.trim() !== "") {
      chunks.push({ startLine: first.line, endLine: last.line, text });
    }
    held = [];
    chars = 0;
  };
  for (let line = from; line <= to; line += 1) {
    for (const piece of pieces(lines[line - 1] ?? "")) {
      if (held.length === MAX_CHUNK_LINES || (held.length > 0 && chars + piece.length > MAX_CHUNK_CHARS)) close();
      held.push({ line, piece });
      chars += piece.length + 1;
    }
  }
  close();
  return chunks;
}

function pieces(line: string): string[] {
  if (line.length <= MAX_CHUNK_CHARS) return [line];
  const parts: string[] = [];
  for (let at = 0; at < line.length; at += MAX_CHUNK_CHARS) parts.push(line.slice(at, at + MAX_CHUNK_CHARS));
  return parts;
}
