import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import tar from "tar-stream";

/** What is in a tar archive, by name without a `/` at the end. For tests. */
export async function tarEntries(
  archive: Uint8Array,
): Promise<Map<string, { text: string; type: string; linkname: string | undefined; mode: number | undefined }>> {
  const found = new Map<
    string,
    { text: string; type: string; linkname: string | undefined; mode: number | undefined }
  >();
  const extract = tar.extract();
  Readable.from([archive]).pipe(extract);
  for await (const entry of extract) {
    const { name, type, linkname, mode } = entry.header;
    const content = await text(entry as unknown as Readable);
    if (type === "directory") continue;
    found.set(name, { text: content, type: type ?? "file", linkname: linkname ?? undefined, mode });
  }
  return found;
}
