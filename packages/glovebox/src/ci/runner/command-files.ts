import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";
import { GloveboxError, hasTarSize } from "../../core/index.ts";
import { MAX_FILE_BYTES } from "./environment-file.ts";
import { COMMAND_FILES, type CommandFile } from "./layout.ts";

/** What a program wrote for the runner; what it left alone is the empty text. */
export type CommandFiles = Readonly<Record<CommandFile, string>>;

/** More than the summary, which is only cut, may have. */
const READ_AT_MOST = 2 * MAX_FILE_BYTES;
const NAMES: ReadonlySet<string> = new Set(Object.values(COMMAND_FILES));

/** Reads the files out of a tar of their folder: one call instead of five. A program may have put anything there: what is no file, or too much, counts as not there, or as an error. */
export async function readCommandFiles(tar: AsyncIterable<Uint8Array>): Promise<CommandFiles> {
  const found: Record<string, string> = {};
  const entries = extract();
  const source = Readable.from(tar);
  source.on("error", (error) => entries.destroy(error));
  source.pipe(entries);
  try {
    for await (const entry of entries) {
      const { name, type } = entry.header;
      const file = name.replace(/^\.\//, "");
      if (!hasTarSize(entry.header)) throw new GloveboxError("invalid_argument", "what the step wrote cannot be read");
      if (type !== "file" || !NAMES.has(file)) {
        entry.resume();
        continue;
      }
      if ((entry.header.size ?? 0) > READ_AT_MOST) throw tooLong(file);
      found[file] = (await buffer(entry)).toString("utf8").replace(/^\uFEFF/, "");
    }
  } finally {
    source.destroy();
    entries.destroy();
  }
  for (const [name, text] of Object.entries(found)) {
    if (name !== "summary" && text.length > MAX_FILE_BYTES) throw tooLong(name);
  }
  return { env: "", output: "", path: "", state: "", summary: "", ...found };
}

function tooLong(file: string): GloveboxError {
  return new GloveboxError("payload_too_large", `The file for '${file}' may have ${MAX_FILE_BYTES} bytes at most`);
}
