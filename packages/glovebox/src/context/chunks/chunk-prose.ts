import { type Chunk, cutLines, MAX_CHUNK_CHARS } from "./chunk.ts";

const HEADING = /^ {0,3}#{1,6}(\s|$)/;
const FENCE = /^ {0,3}(```|~~~)/;
/** Sections below this are joined with what follows: a heading alone finds nothing. */
const MIN_CHARS = 200;

/** Cuts prose at its headings (Markdown's, outside fences), and longer sections at their blank lines. */
export function chunkProse(text: string): Chunk[] {
  const lines = text.split("\n");
  const sections = splitAt(1, lines.length, headings(lines));
  return sections.flatMap(([from, to]) => {
    const size = sizeOf(lines, from, to);
    if (size <= MAX_CHUNK_CHARS) return cutLines(lines, from, to);
    return joinSmall(lines, splitAt(from, to, paragraphs(lines, from, to))).flatMap(([start, end]) =>
      cutLines(lines, start, end),
    );
  });
}

type Range = readonly [from: number, to: number];

/** The lines of headings under which enough has come since the last cut. */
function headings(lines: readonly string[]): number[] {
  const found: number[] = [];
  let fence: string | undefined;
  let since = 0;
  for (const [at, line] of lines.entries()) {
    const mark = FENCE.exec(line)?.[1];
    if (mark !== undefined) fence = fence === undefined ? mark : fence === mark ? undefined : fence;
    if (fence === undefined && HEADING.test(line) && since >= MIN_CHARS) {
      found.push(at + 1);
      since = 0;
    }
    since += line.length + 1;
  }
  return found;
}

function paragraphs(lines: readonly string[], from: number, to: number): number[] {
  const found: number[] = [];
  for (let line = from + 1; line <= to; line += 1) {
    if ((lines[line - 2] ?? "").trim() === "" && (lines[line - 1] ?? "").trim() !== "") found.push(line);
  }
  return found;
}

function splitAt(from: number, to: number, starts: readonly number[]): Range[] {
  const inside = starts.filter((line) => line > from && line <= to);
  const begins = [from, ...inside];
  return begins.map((begin, at) => [begin, (begins[at + 1] ?? to + 1) - 1]);
}

/** Neighbours that fit into one piece together become one. */
function joinSmall(lines: readonly string[], ranges: readonly Range[]): Range[] {
  const joined: Range[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && sizeOf(lines, last[0], range[1]) <= MAX_CHUNK_CHARS)
      joined[joined.length - 1] = [last[0], range[1]];
    else joined.push(range);
  }
  return joined;
}

function sizeOf(lines: readonly string[], from: number, to: number): number {
  let size = 0;
  for (let line = from; line <= to; line += 1) size += (lines[line - 1] ?? "").length + 1;
  return size;
}
