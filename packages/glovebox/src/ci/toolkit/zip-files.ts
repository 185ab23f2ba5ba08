import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Pack, pack } from "tar-stream";
import { type Entry, openPromise } from "yauzl";
import { ZipFile } from "yazl";
import { GloveboxError } from "../../core/index.ts";
import { addEntry, type EntryHeader, tarOf } from "./add-entry.ts";

const MAX_ENTRIES = 200_000;
/** Of a file's mode. */
const KIND = 0o170000;
const LINK = 0o120000;
const EXECUTABLE = 0o111;

/**
 * The files of a zip file as an uncompressed tar. What is in it is a sandbox's: it is read here, and unpacked in sandboxes alone. Links are left out. Errors while it
 * is read: `workspace_invalid` for what is no zip file or has paths that lead out of it, `payload_too_large` beyond `maxBytes`.
 */
export function zipToTar(path: string, maxBytes: number): AsyncGenerator<Uint8Array> {
  return tarOf(async (tar) => {
    try {
      await packAll(path, tar, maxBytes);
    } catch (error) {
      if (error instanceof GloveboxError) throw error;
      const why = error instanceof Error ? error.message.slice(0, 200) : "unreadable";
      throw new GloveboxError("workspace_invalid", `no zip file of plain files: ${why}`, { cause: error });
    }
  }, pack());
}

async function packAll(path: string, tar: Pack, maxBytes: number): Promise<void> {
  // The library checks names (none is absolute, has `..` or a backslash) and that no entry has more bytes than it says.
  const zip = await openPromise(path, { autoClose: false, strictFileNames: true, validateEntrySizes: true });
  try {
    if (zip.entryCount > MAX_ENTRIES) throw new GloveboxError("payload_too_large", `more than ${MAX_ENTRIES} files`);
    let left = maxBytes;
    for await (const entry of zip.eachEntry()) {
      left -= entry.uncompressedSize;
      if (left < 0) throw new GloveboxError("payload_too_large", `unpacked, it has more than ${maxBytes} bytes`);
      const header = headerOf(entry);
      if (header === undefined) continue;
      const isFolder = header.type === "directory";
      await addEntry(tar, header, isFolder ? Readable.from([]) : await zip.openReadStreamPromise(entry));
    }
  } finally {
    zip.close();
  }
}

function headerOf(entry: Entry): EntryHeader | undefined {
  const { fileName: name, uncompressedSize: size, externalFileAttributes } = entry;
  const mode = externalFileAttributes >>> 16;
  const mtime = entry.getLastModDate();
  if (name.endsWith("/")) return { name, type: "directory", mode: 0o755, mtime };
  if ((mode & KIND) === LINK) return undefined;
  return { name, type: "file", size, mode: (mode & EXECUTABLE) === 0 ? 0o644 : 0o755, mtime };
}

/** The files of an uncompressed tar as a zip file. Links are left out. */
export function tarToZip(tar: AsyncIterable<Uint8Array>): Readable {
  const out = new PassThrough();
  const zip = new ZipFile();
  zip.outputStream.pipe(out);
  addAll(tar, zip, out).catch((error: unknown) => {
    out.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return out;
}

async function addAll(tar: AsyncIterable<Uint8Array>, zip: ZipFile, out: PassThrough): Promise<void> {
  const reader = extract();
  out.once("close", () => reader.destroy());
  const reading = pipeline(Readable.from(tar), reader);
  reading.catch(() => {}); // the loop below says so too
  for await (const entry of reader) {
    const content = entry as unknown as Readable;
    const { name, type, mode = 0o644, mtime = new Date(0) } = entry.header;
    const path = name.replace(/^(\.?\/)+/, "");
    if (type !== "file" || path === "") {
      content.resume();
      continue;
    }
    const through = new PassThrough();
    zip.addReadStream(through, path, { mode: 0o100000 | mode, mtime, compress: false });
    await pipeline(content, through);
  }
  await reading;
  zip.end();
}
