import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { GloveboxError } from "../../core/index.ts";
import { parseBlockList } from "./block-list.ts";
import { parseRange } from "./byte-range.ts";
import type { ByteRange, JobStorage, StoredContent } from "./job-storage.ts";
import type { Shelf } from "./toolkit-addresses.ts";
import { readText } from "./twirp.ts";
import { tarToZip } from "./zip-files.ts";

/** Of a list of blocks, bytes: more than as many ids as an upload has blocks. */
const MAX_LIST = 1 << 20;
/** What a client sends at once has no block's name. */
const WHOLE = "\0whole";

/**
 * Uploads as clients of Azure's blobs make them: `Put Block`, `Put Block List`, or `Put Blob` at once.
 * Source: https://learn.microsoft.com/en-us/rest/api/storageservices/operations-on-block-blobs
 */
export async function putBlob(
  { uploads }: JobStorage,
  id: string,
  {
    request,
    response,
    url,
  }: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly url: URL },
): Promise<void> {
  const what = url.searchParams.get("comp");
  if (what === "block") {
    const block = url.searchParams.get("blockid") ?? "";
    if (block === "" || block.length > 100) throw new GloveboxError("invalid_argument", "not the id of a block");
    await uploads.block(id, block, request);
  } else if (what === "blocklist") {
    await uploads.commit(id, parseBlockList(await readText(request, MAX_LIST)));
  } else if (what === null) {
    await uploads.block(id, WHOLE, request);
    await uploads.commit(id, [WHOLE]);
  } else throw new GloveboxError("invalid_argument", "blobs are uploaded whole or in blocks");
  response.writeHead(201, { "content-length": 0 });
  response.end();
}

/** What is kept, whole or a part of it. Errors: `not_found`. */
export async function getBlob(
  storage: JobStorage,
  {
    shelf,
    names: [name = "", version = ""],
  }: { readonly shelf: Exclude<Shelf, "uploads">; readonly names: readonly string[] },
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  const open = (range?: ByteRange) =>
    shelf === "caches" ? storage.caches.raw(name, version, range) : storage.artifacts.raw(name, range);
  const found = await open();
  if (found === undefined) throw new GloveboxError("not_found", "what was kept here is gone");
  const { entry } = found;
  const isMade = shelf === "artifacts" && entry.format === "tar";
  const type = entry.format === "file" || shelf === "caches" ? "application/octet-stream" : "application/zip";
  const headers = { "content-type": type, "content-disposition": dispositionOf(found, shelf) };
  if (isMade) return send(request, response, 200, headers, () => tarToZip(found.content));
  const range = parseRange(header(request, "x-ms-range") ?? header(request, "range"), entry.size);
  if (range === "none") {
    response.writeHead(416, { "content-range": `bytes */${entry.size}`, "content-length": 0 });
    return void response.end();
  }
  const all = { ...headers, "accept-ranges": "bytes" };
  if (range === undefined)
    return send(request, response, 200, { ...all, "content-length": entry.size }, () => found.content);
  const part = await open(range);
  const length = { "content-length": range.end - range.start + 1 };
  const where = { "content-range": `bytes ${range.start}-${range.end}/${entry.size}` };
  send(request, response, 206, { ...all, ...length, ...where }, () => part?.content ?? found.content);
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  content: () => AsyncIterable<Uint8Array>,
): void {
  response.writeHead(status, headers);
  if (request.method === "HEAD") return void response.end();
  // Cut off, if it breaks: there is no length, or a wrong one.
  pipeline(content(), response, () => {});
}

function dispositionOf({ entry }: StoredContent, shelf: Shelf): string {
  const name = shelf === "artifacts" ? `${entry.name}${entry.format === "file" ? "" : ".zip"}` : "cache";
  return `attachment; filename*=UTF-8''${encodeURIComponent(name)}`;
}

function header({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}
