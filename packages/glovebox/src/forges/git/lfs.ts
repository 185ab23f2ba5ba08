import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { GloveboxError } from "../../core/index.ts";
import type { GitRemote } from "../forge.ts";

/** What stands in the repository for a large file: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
export interface LfsPointer {
  /** SHA-256 of the file, hex. */
  readonly oid: string;
  /** Bytes. */
  readonly size: number;
}

/** No pointer is larger. */
export const MAX_POINTER_BYTES = 1024;
const POINTER =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:[a-z0-9.-]+ [^\n]*\n)*?oid sha256:([0-9a-f]{64})\nsize (\d{1,15})\n/;
const MEDIA_TYPE = "application/vnd.git-lfs+json";
const BATCH = 100;

export function pointerOf(content: Buffer): LfsPointer | undefined {
  const match = POINTER.exec(content.toString("latin1"));
  return match === null ? undefined : { oid: match[1] ?? "", size: Number(match[2]) };
}

export interface LfsOptions {
  /** Where files are kept, by their hash. */
  readonly folder: string;
  readonly remote: GitRemote;
  /** Of one file. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Where a large file is once {@link fetchLfs} had it. */
export function lfsPath(folder: string, { oid }: LfsPointer): string {
  return join(folder, oid);
}

/** Has all of them in the folder, each checked against its hash. `forge_unavailable`, `not_found`, `resource_exhausted`. */
export async function fetchLfs(pointers: readonly LfsPointer[], options: LfsOptions): Promise<void> {
  await mkdir(options.folder, { recursive: true });
  const missing: LfsPointer[] = [];
  for (const pointer of new Map(pointers.map((one) => [one.oid, one])).values()) {
    if (pointer.size > options.maxBytes) {
      throw new GloveboxError(
        "resource_exhausted",
        `a large file of ${pointer.size} bytes, where ${options.maxBytes} are the most`,
      );
    }
    const isThere = await access(lfsPath(options.folder, pointer)).then(
      () => true,
      () => false,
    );
    if (!isThere) missing.push(pointer);
  }
  for (let at = 0; at < missing.length; at += BATCH) await fetchBatch(missing.slice(at, at + BATCH), options);
}

interface Download {
  readonly href: string;
  readonly header: Readonly<Record<string, string>>;
}

/** https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md */
async function fetchBatch(pointers: readonly LfsPointer[], options: LfsOptions): Promise<void> {
  const { remote, signal } = options;
  const url = `${remote.url.replace(/\/$/, "").replace(/(\.git)?$/, ".git")}/info/lfs/objects/batch`;
  const answer = await ask(url, {
    method: "POST",
    headers: {
      accept: MEDIA_TYPE,
      "content-type": MEDIA_TYPE,
      ...(remote.authorization !== undefined && { authorization: remote.authorization }),
    },
    body: JSON.stringify({ operation: "download", transfers: ["basic"], objects: pointers }),
    redirect: "error",
    signal,
  });
  const text = await answer.text();
  const downloads = downloadsOf(text.length > 1 << 20 ? "" : text);
  for (const pointer of pointers) {
    const download = downloads.get(pointer.oid);
    if (download === undefined) throw new GloveboxError("not_found", `the forge has no large file ${pointer.oid}`);
    await fetchFile(pointer, download, options);
  }
}

function downloadsOf(text: string): Map<string, Download> {
  const found = new Map<string, Download>();
  const { objects } = parse(text) as { readonly objects?: unknown };
  for (const object of Array.isArray(objects) ? objects : []) {
    const { oid, actions } = object as {
      readonly oid?: unknown;
      readonly actions?: { readonly download?: { readonly href?: unknown; readonly header?: unknown } };
    };
    const { href, header } = actions?.download ?? {};
    if (typeof oid !== "string" || typeof href !== "string" || !/^https?:\/\//.test(href)) continue;
    const headers = Object.entries((header ?? {}) as object).filter(([, value]) => typeof value === "string");
    found.set(oid, { href, header: Object.fromEntries(headers) as Record<string, string> });
  }
  return found;
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new GloveboxError("forge_unavailable", "the forge's answer about large files is no JSON");
}

async function fetchFile(pointer: LfsPointer, { href, header }: Download, options: LfsOptions): Promise<void> {
  const answer = await ask(href, { headers: header, signal: options.signal });
  const path = lfsPath(options.folder, pointer);
  const part = `${path}.part`;
  const hash = createHash("sha256");
  let bytes = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      done(
        bytes > pointer.size ? new GloveboxError("forge_unavailable", "a large file is longer than it says") : null,
        chunk,
      );
    },
  });
  try {
    const body = Readable.fromWeb((answer.body ?? new Blob([]).stream()) as ReadableStream);
    await pipeline(body, check, createWriteStream(part, { mode: 0o600 }), { signal: options.signal });
    if (hash.digest("hex") !== pointer.oid) {
      throw new GloveboxError("forge_unavailable", `what came is not the large file ${pointer.oid}`);
    }
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new GloveboxError("forge_unavailable", "large files: the forge does not answer", { cause });
  }
  if (answer.ok) return answer;
  await answer.body?.cancel();
  const code =
    answer.status === 404
      ? "not_found"
      : answer.status === 401 || answer.status === 403
        ? "permission_denied"
        : "forge_unavailable";
  throw new GloveboxError(code, `large files: the forge answered ${answer.status}`);
}
