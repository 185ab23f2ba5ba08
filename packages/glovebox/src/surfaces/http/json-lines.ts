import { Readable } from "node:stream";

/** Characters that are sent in one piece. */
const PIECE = 64 * 1024;

/** Lines, each with its end, as a body that is made as fast as it is read. The first is made before: what cannot even begin is still a proper error. */
export async function lineStream(lines: AsyncIterable<string>): Promise<Readable> {
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* pieces(): AsyncGenerator<string> {
    let piece = "";
    try {
      for (let line = first; line.done !== true; line = await iterator.next()) {
        piece += line.value;
        if (piece.length < PIECE) continue;
        yield piece;
        piece = "";
      }
      if (piece !== "") yield piece;
    } finally {
      await iterator.return?.();
    }
  }
  return Readable.from(pieces(), { objectMode: false });
}
