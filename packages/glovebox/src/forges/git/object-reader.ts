import { GloveboxError } from "../../core/index.ts";
import { streamGit } from "./git-process.ts";

/**
 * The contents of blobs, by their ids, in order; `undefined` for what is not there. One git for all of them. `payload_too_large` when one
 * has more than `maxBytes`, before it is read.
 */
export async function readBlobs(
  gitDir: string,
  ids: readonly string[],
  options: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<readonly (Buffer | undefined)[]> {
  if (ids.length === 0) return [];
  const { maxBytes, signal } = options;
  const found: (Buffer | undefined)[] = [];
  let held: Buffer = Buffer.alloc(0);
  const input = `${ids.join("\n")}\n`;
  for await (const part of streamGit({ args: ["cat-file", "--batch"], gitDir, input, signal })) {
    held = held.length === 0 ? part : Buffer.concat([held, part]);
    for (let next = takeBlob(held, maxBytes); next !== undefined; next = takeBlob(held, maxBytes)) {
      found.push(next.content);
      held = held.subarray(next.length);
    }
  }
  return found;
}

/** The first answer of `cat-file --batch` in the bytes, if it is there whole: `<id> blob <size>\n<content>\n`, or `<id> missing\n`. */
function takeBlob(bytes: Buffer, maxBytes: number): { content?: Buffer; length: number } | undefined {
  const line = bytes.indexOf(10);
  if (line === -1) return undefined;
  const [, type, size] = bytes.toString("latin1", 0, line).split(" ");
  if (type === "missing") return { length: line + 1 };
  const length = Number(size);
  if (!Number.isSafeInteger(length)) throw new GloveboxError("internal", "git cat-file answered what it never does");
  if (length > maxBytes) {
    throw new GloveboxError("payload_too_large", `a file of ${length} bytes, where ${maxBytes} are the most`);
  }
  if (bytes.length < line + 1 + length + 1) return undefined;
  const content = type === "blob" ? { content: Buffer.from(bytes.subarray(line + 1, line + 1 + length)) } : {};
  return { ...content, length: line + 1 + length + 1 };
}
