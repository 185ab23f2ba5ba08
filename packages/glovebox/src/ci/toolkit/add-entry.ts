import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Header, Pack } from "tar-stream";

/** As much of an entry's header as a tar needs. */
export type EntryHeader = Partial<Header> & Pick<Header, "name">;

/** Puts one file or folder into a tar, as fast as the tar is read. */
export async function addEntry(tar: Pack, header: EntryHeader, content: Readable): Promise<void> {
  if ((header.size ?? 0) > 0) return await pipeline(content, tar.entry(header));
  content.resume();
  await new Promise<void>((resolve, reject) => tar.entry(header, "", (error) => (error ? reject(error) : resolve())));
}

/** What a tar has while `work` fills it. Who stops reading ends both. */
export async function* tarOf(work: (tar: Pack) => Promise<void>, tar: Pack): AsyncGenerator<Uint8Array> {
  const packing = work(tar).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  try {
    yield* tar as AsyncIterable<Uint8Array>;
  } finally {
    tar.destroy();
    await packing;
  }
}
