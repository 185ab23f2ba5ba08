import { Readable } from "node:stream";
import { extract } from "tar-stream";
import { GloveboxError, hasTarSize } from "../../core/index.ts";

export interface TarFile {
  /** Without a leading `./`. */
  readonly path: string;
  readonly content: Buffer;
}

/**
 * The regular files of a tar that are wanted. `keep`: the most bytes of a file of that path; 0 passes over it, a longer one is `invalid_argument`, and so is what is no
 * archive.
 */
export async function* filesOfTar(
  tar: AsyncIterable<Uint8Array>,
  { keep }: { readonly keep: (path: string) => number },
): AsyncGenerator<TarFile> {
  const entries = extract();
  const source = Readable.from(tar);
  source.on("error", (error) => entries.destroy(error));
  source.pipe(entries as unknown as NodeJS.WritableStream);
  try {
    for await (const entry of entries) {
      const { header } = entry;
      if (!hasTarSize(header)) throw noArchive();
      const path = header.name.replace(/^(\.\/)+/, "");
      const most = header.type === "file" ? keep(path) : 0;
      if (most === 0) {
        entry.resume();
        continue;
      }
      if ((header.size ?? 0) > most)
        throw new GloveboxError("invalid_argument", `${path} is longer than ${most} bytes`);
      const pieces: Uint8Array[] = [];
      for await (const piece of entry) pieces.push(piece as Uint8Array);
      yield { path, content: Buffer.concat(pieces) };
    }
  } catch (error) {
    throw error instanceof GloveboxError ? error : noArchive(error);
  } finally {
    source.destroy();
    entries.destroy();
  }
}

/** The text of the first file that fits. `not_found` names `what`. */
export async function firstOfTar(
  tar: AsyncIterable<Uint8Array>,
  fits: (path: string) => boolean,
  maxBytes: number,
  what: string,
): Promise<string> {
  for await (const { content } of filesOfTar(tar, { keep: (path) => (fits(path) ? maxBytes : 0) })) {
    return content.toString("utf8");
  }
  throw new GloveboxError("not_found", `there is no file ${what}`);
}

function noArchive(cause?: unknown): GloveboxError {
  return new GloveboxError("invalid_argument", "this is no tar archive that can be read", { cause });
}
