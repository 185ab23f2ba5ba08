import { Readable } from "node:stream";
import { GloveboxError } from "../../../core/index.ts";
import type { FileStat } from "../../../sandbox/index.ts";
import type { fileOperations } from "../../operations/files.ts";
import { parseRange } from "../byte-range.ts";
import type { Call, HandlersOf } from "../call.ts";
import { plainHeaders, type SseFrame, sendEventStream } from "../live-stream.ts";
import type { HandlerContext } from "../options.ts";
import { limitedUpload } from "../upload.ts";

type Operations = typeof fileOperations;

const DEFAULT_LIST = 10_000;
/** Characters of names in one listing: code in the sandbox can make each 64 KiB long. */
const MAX_LIST_CHARACTERS = 16 * 1_048_576;
const CHUNK_BYTES = 256 * 1024;

export function fileHandlers(context: HandlerContext): HandlersOf<Operations> {
  const filesOf = (call: { principal: { tenantId: string }; params: { id: string } }) =>
    context.services.sessions.files(call.principal.tenantId, call.params.id);

  return {
    "files.list": async (call) => {
      const files = await filesOf(call);
      const limit = call.query.limit ?? DEFAULT_LIST;
      const items: FileStat[] = [];
      const recursive = call.query.recursive ?? false;
      let characters = 0;
      for await (const item of files.list(call.query.path ?? ".", {
        recursive,
        limit: limit + 1,
        signal: call.signal,
      })) {
        characters += item.path.length + (item.target?.length ?? 0);
        if (items.length === limit || characters > MAX_LIST_CHARACTERS) return { items, truncated: true };
        items.push(item);
      }
      return { items, truncated: false };
    },
    "files.read": async (call) => await readFile(context, call),
    "files.write": async (call) => {
      const { path, ...options } = call.query;
      const files = await filesOf(call);
      const body = limitedUpload(call.request, context.settings.uploadBytes);
      const { size } = await files.write(path, body, { ...options, signal: call.signal });
      return { path, size };
    },
    "files.stat": async (call) => await (await filesOf(call)).stat(call.query.path, { signal: call.signal }),
    "files.mkdir": async (call) => {
      const { path, parents = false } = call.body;
      await (await filesOf(call)).mkdir(path, { parents, signal: call.signal });
    },
    "files.rename": async (call) => await (await filesOf(call)).rename(call.body.from, call.body.to, call.signal),
    "files.remove": async (call) => {
      const { path, recursive = false } = call.query;
      await (await filesOf(call)).remove(path, { recursive, signal: call.signal });
    },
    "files.watch": async (call) => {
      const files = await filesOf(call);
      const { path = ".", recursive = false } = call.query;
      await files.stat(path, { signal: call.signal });
      async function* frames(): AsyncGenerator<SseFrame> {
        for await (const change of files.watch(path, { recursive, signal: call.signal })) yield { data: change };
      }
      await sendEventStream(call.request, call.reply, frames(), {
        heartbeatMs: context.settings.heartbeatMs,
        signal: call.signal,
        redactor: context.redactor,
      });
    },
    "files.download": async (call) => {
      const files = await filesOf(call);
      const tar = await streamOf(files.pack(call.query.path ?? ".", call.signal));
      call.reply.header("content-type", "application/x-tar").send(tar);
    },
    "files.upload": async (call) => {
      const files = await filesOf(call);
      const body = limitedUpload(call.request, context.settings.uploadBytes);
      return await files.unpack(call.query.path ?? ".", body, call.signal);
    },
  };
}

async function readFile(context: HandlerContext, call: Call<Operations["files.read"]>): Promise<void> {
  const files = await context.services.sessions.files(call.principal.tenantId, call.params.id);
  const { path, offset, limit } = call.query;
  const { reply, request, signal } = call;
  reply.header("content-type", "application/octet-stream").header("accept-ranges", "bytes");
  const header = request.headers.range;
  if (header === undefined && request.method !== "HEAD") {
    const part = { ...(offset === undefined ? {} : { offset }), ...(limit === undefined ? {} : { limit }), signal };
    reply.send(await streamOf(files.read(path, part)));
    return;
  }
  const { size, kind } = await files.stat(path, { signal });
  if (kind === "dir") throw new GloveboxError("invalid_path", `${path} is a folder`);
  if (request.method === "HEAD") {
    reply.hijack();
    reply.raw.writeHead(200, { ...plainHeaders(reply), "content-length": size });
    reply.raw.end();
    return;
  }
  const range = parseRange(header ?? "", size);
  reply.code(206).header("content-range", `bytes ${range.first}-${range.last}/${size}`);
  const part = { offset: range.first, limit: range.last - range.first + 1, signal };
  reply.send(await streamOf(files.read(path, part)));
}

/** The first chunk is read before the answer begins, so that a path that is not there still gives a proper error. */
async function streamOf(chunks: AsyncIterable<Uint8Array>): Promise<Readable> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      for (let item = first; item.done !== true; item = await iterator.next()) {
        if (item.value.length > 0) yield item.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return Readable.from(all(), { objectMode: false, highWaterMark: CHUNK_BYTES });
}
