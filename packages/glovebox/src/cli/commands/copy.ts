import { constants, createReadStream } from "node:fs";
import { lstat, mkdir, open, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Files, Glovebox } from "@glovebox/sdk";
import { extract, type Header, pack } from "tar-stream";
import { hasTarSize } from "../../core/index.ts";
import { UsageError } from "../failure.ts";
import { byteProgress, counted } from "../render/progress.ts";
import { sessionNamed } from "./session-reference.ts";

export interface Copied {
  readonly files: number;
  /** What is neither file nor folder: links are not taken along. */
  readonly skipped: readonly string[];
}

/** `SESSION:PATH`, or a path of this machine (which may hold a colon after `./` or `/`). */
export function parseSide(text: string): { readonly session?: string; readonly path: string } {
  const match = /^([^/:.][^/:]*):(.*)$/.exec(text);
  if (match === null) return { path: text };
  return { session: match[1] as string, path: match[2] === "" ? "." : (match[2] as string) };
}

/** Copies a file or a tree between this machine and a session. A folder's content goes into the target, as a folder. */
export async function copyBetween(box: Glovebox, from: string, to: string): Promise<Copied> {
  const source = parseSide(from);
  const target = parseSide(to);
  if ((source.session === undefined) === (target.session === undefined)) {
    throw new UsageError("one side must be SESSION:PATH and the other a path of this machine");
  }
  const session = await sessionNamed(box, (source.session ?? target.session) as string);
  return source.session === undefined
    ? copyIn(session.files, source.path, target.path)
    : copyOut(session.files, source.path, target.path);
}

async function copyIn(files: Files, from: string, to: string): Promise<Copied> {
  const found = await stat(from);
  if (found.isDirectory()) return copyTreeIn(files, from, to);
  const isFolder = to.endsWith("/") || (await files.stat(to).catch(() => undefined))?.kind === "dir";
  const path = isFolder ? `${to.replace(/\/+$/, "")}/${basename(from)}` : to;
  using progress = byteProgress(`sending ${basename(from)}`, found.size);
  const content = counted(createReadStream(from), progress);
  await files.write(path, content, { mode: found.mode & 0o777, parents: true });
  return { files: 1, skipped: [] };
}

async function copyTreeIn(files: Files, from: string, to: string): Promise<Copied> {
  const skipped: string[] = [];
  const tar = pack();
  const filling = fill(tar, from, "", skipped).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error as Error),
  );
  using progress = byteProgress(`sending ${basename(from)}`);
  await files.mkdir(to, { parents: true });
  const unpacked = await files.upload(counted(tar as unknown as AsyncIterable<Uint8Array>, progress), to);
  await filling;
  return { files: unpacked.files, skipped };
}

async function fill(tar: ReturnType<typeof pack>, root: string, inside: string, skipped: string[]): Promise<void> {
  for (const name of (await readdir(join(root, inside))).sort()) {
    const path = inside === "" ? name : `${inside}/${name}`;
    const found = await lstat(join(root, path));
    const header = { name: path, mode: found.mode & 0o777, mtime: found.mtime };
    if (found.isDirectory()) {
      await new Promise<void>((resolve, reject) => {
        tar.entry({ ...header, type: "directory" }, (error) => (error ? reject(error) : resolve()));
      });
      await fill(tar, root, path, skipped);
    } else if (found.isFile()) {
      await pipeline(createReadStream(join(root, path)), tar.entry({ ...header, size: found.size }));
    } else skipped.push(path);
  }
}

async function copyOut(files: Files, from: string, to: string): Promise<Copied> {
  const found = await files.stat(from);
  if (found.kind === "dir") return copyTreeOut(files, from, to);
  const isFolder = to.endsWith("/") || (await stat(to).catch(() => undefined))?.isDirectory() === true;
  const path = isFolder ? join(to, safeName(basename(from))) : to;
  using progress = byteProgress(`receiving ${basename(from)}`, found.size);
  await writeNew(path, counted(await files.readStream(from), progress), 0o666);
  return { files: 1, skipped: [] };
}

/**
 * The tar comes from a sandbox, so nothing in it is believed: only files and folders are made, none outside `to`, none through a
 * link (we make no links, and a last part that is one is refused), none with more rights than the user's umask gives.
 */
async function copyTreeOut(files: Files, from: string, to: string): Promise<Copied> {
  const skipped: string[] = [];
  let count = 0;
  await mkdir(to, { recursive: true });
  using progress = byteProgress(`receiving ${basename(from)}`);
  const entries = extract();
  const feeding = pipeline(counted(await files.download(from), progress), entries);
  feeding.catch(() => {}); // told by the loop below
  for await (const entry of entries) {
    if (!hasTarSize(entry.header)) throw new Error(`the archive says no size for ${JSON.stringify(entry.header.name)}`);
    const parts = entryParts(entry.header);
    if (parts === undefined) skipped.push(entry.header.name);
    else if (entry.header.type === "directory") await mkdir(join(to, ...parts), { recursive: true });
    else {
      await mkdir(join(to, ...parts.slice(0, -1)), { recursive: true });
      await writeNew(
        join(to, ...parts),
        entry as unknown as AsyncIterable<Uint8Array>,
        (entry.header.mode ?? 0) & 0o111 ? 0o777 : 0o666,
      );
      count += 1;
    }
    entry.resume();
  }
  await feeding;
  return { files: count, skipped };
}

/** The parts of an entry's path; `undefined` for what is not taken. `.` alone has none. */
export function entryParts({ name, type }: Pick<Header, "name" | "type">): readonly string[] | undefined {
  if (type !== "file" && type !== "directory") return undefined;
  if (name.includes("\0") || name.startsWith("/")) return undefined;
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || (type === "file" && parts.length === 0)) return undefined;
  return parts;
}

function safeName(name: string): string {
  return name === "" || name === "." || name === ".." ? "file" : name;
}

async function writeNew(path: string, content: AsyncIterable<Uint8Array>, mode: number): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = await open(path, flags, mode);
  try {
    await pipeline(Readable.from(content), file.createWriteStream());
  } finally {
    await file.close().catch(() => {}); // the stream has closed it
  }
}
