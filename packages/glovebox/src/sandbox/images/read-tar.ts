import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { GloveboxError } from "../../core/index.ts";
import { settle } from "./settle.ts";

export type { Header } from "tar-stream";

/** Takes one member of an archive. Content that it leaves is skipped. */
export type TarVisitor = (header: Header, content: AsyncIterable<Uint8Array>) => Promise<void> | void;

/**
 * Reads an uncompressed tar, one member after the other. A header of more than 4 MiB is refused by the library. Errors: `invalid_argument` with
 * `what` for a damaged one, `cancelled`; those of the visitor and of the stream.
 */
export async function readTar(
  tar: AsyncIterable<Uint8Array>,
  what: string,
  signal: AbortSignal | undefined,
  visit: TarVisitor,
): Promise<void> {
  const unpack = extract();
  const visiting = async (): Promise<void> => {
    for await (const entry of unpack) {
      // The library would wait for ever for the end of a size that it could not read. Covered by the damaged archives in `layers.test.ts`.
      if (!Number.isSafeInteger(entry.header.size)) {
        throw new GloveboxError("invalid_argument", `${what}: a member has no possible size`);
      }
      await visit(entry.header, entry as AsyncIterable<Uint8Array>);
      entry.resume();
    }
  };
  await settle(what, signal, [visiting(), pipeline(tar, unpack as unknown as NodeJS.WritableStream, { signal })]);
}
