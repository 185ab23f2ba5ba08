import { errorOfMessage } from "./answer-error.ts";
import { GloveboxError } from "./errors.ts";
import { sseMessages } from "./sse.ts";
import type { Transport } from "./transport.ts";
import type { FileChange, FileStat } from "./types/files.ts";
import type { CallOptions } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

export interface ReadOptions extends CallOptions {
  /** First byte. Default 0. */
  readonly offset?: number | undefined;
  /** Bytes at most. Default: to the end. */
  readonly limit?: number | undefined;
}

export interface WriteOptions extends CallOptions {
  /** Permission bits. Default 0o644. */
  readonly mode?: number | undefined;
  readonly append?: boolean | undefined;
  /** Make the folders above it. */
  readonly parents?: boolean | undefined;
}

export type FileContent = string | Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * The files of a session as the code in it sees them; relative paths start at `/workspace`. Errors: `not_found`,
 * `already_exists`, `invalid_path`, `permission_denied`, `resource_exhausted` (disk full), `session_not_ready`.
 */
export class Files {
  readonly #transport: Transport;
  readonly #sessionId: string;

  constructor(transport: Transport, sessionId: string) {
    this.#transport = transport;
    this.#sessionId = sessionId;
  }

  #path(...rest: readonly string[]): string {
    return urlPath("sessions", this.#sessionId, "files", ...rest);
  }

  /** A folder's entries, default the workspace's. `truncated` tells that there are more than `limit` (default 10,000). */
  async list(
    path?: string,
    options: CallOptions & { readonly recursive?: boolean | undefined; readonly limit?: number | undefined } = {},
  ): Promise<{ readonly items: readonly FileStat[]; readonly truncated: boolean }> {
    const { signal, recursive, limit } = options;
    return this.#transport.json({ method: "GET", path: this.#path(), query: { path, recursive, limit }, signal });
  }

  /** The bytes of a file, or of a part of it. */
  async read(path: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const response = await this.#content(path, options);
    return new Uint8Array(await response.arrayBuffer());
  }

  async readText(path: string, options: ReadOptions = {}): Promise<string> {
    return (await this.#content(path, options)).text();
  }

  /** The bytes of a file as they come: for files of any size. */
  async readStream(path: string, options: ReadOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return bodyOf(await this.#content(path, options));
  }

  #content(path: string, { offset, limit, signal }: ReadOptions): Promise<Response> {
    const query = { path, offset, limit };
    return this.#transport.raw({ method: "GET", path: this.#path("content"), query, accept: "*/*", signal });
  }

  /** Writes a file, whole or appending. A stream is sent as it comes and, being readable once, never sent again. */
  async write(
    path: string,
    content: FileContent,
    options: WriteOptions = {},
  ): Promise<{ readonly path: string; readonly size: number }> {
    const { mode, append, parents, signal } = options;
    return this.#transport.json({
      // Appending twice is not appending once: only a write that replaces is sent again after a failure.
      ...(append === true ? { content: toStream(content) } : { content: toContent(content) }),
      method: "PUT",
      path: this.#path("content"),
      query: { path, mode, append, parents },
      signal,
    });
  }

  append(path: string, content: FileContent, options: Omit<WriteOptions, "append"> = {}): ReturnType<Files["write"]> {
    return this.write(path, content, { ...options, append: true });
  }

  async stat(path: string, options: CallOptions = {}): Promise<FileStat> {
    return this.#transport.json({ method: "GET", path: this.#path("stat"), query: { path }, signal: options.signal });
  }

  async mkdir(path: string, options: CallOptions & { readonly parents?: boolean | undefined } = {}): Promise<void> {
    const body = options.parents === undefined ? { path } : { path, parents: options.parents };
    await this.#transport.json<void>({ method: "POST", path: this.#path("mkdir"), body, signal: options.signal });
  }

  async rename(from: string, to: string, options: CallOptions = {}): Promise<void> {
    const body = { from, to };
    await this.#transport.json<void>({ method: "POST", path: this.#path("rename"), body, signal: options.signal });
  }

  /** Removes a file; a folder with what is in it only when `recursive`. */
  async remove(path: string, options: CallOptions & { readonly recursive?: boolean | undefined } = {}): Promise<void> {
    const { recursive, signal } = options;
    await this.#transport.json<void>({ method: "DELETE", path: this.#path(), query: { path, recursive }, signal });
  }

  /** Changes from now on, until the loop is left or the session ends. What changes while a connection is down is not told. */
  async *watch(
    path?: string,
    options: CallOptions & { readonly recursive?: boolean | undefined } = {},
  ): AsyncGenerator<FileChange, void> {
    const { recursive, signal } = options;
    const response = await this.#transport.raw({
      method: "GET",
      path: this.#path("watch"),
      query: { path, recursive },
      accept: "text/event-stream",
      signal,
    });
    for await (const message of sseMessages(bodyOf(response))) {
      if (message.event === "error") throw errorOfMessage(message.data);
      const value: unknown = JSON.parse(message.data);
      if (typeof value === "object" && value !== null && "change" in value) yield value as FileChange;
    }
  }

  /** A tree as an uncompressed tar, as it comes. */
  async download(path?: string, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const query = { path };
    const { signal } = options;
    return bodyOf(
      await this.#transport.raw({ method: "GET", path: this.#path("archive"), query, accept: "*/*", signal }),
    );
  }

  /** Unpacks a tar under a folder, default the workspace. */
  async upload(
    tar: FileContent,
    path?: string,
    options: CallOptions = {},
  ): Promise<{ readonly files: number; readonly bytes: number }> {
    return this.#transport.json({
      method: "PUT",
      path: this.#path("archive"),
      query: { path },
      content: toContent(tar),
      contentType: "application/x-tar",
      signal: options.signal,
    });
  }
}

export function bodyOf(response: Response): ReadableStream<Uint8Array> {
  if (response.body === null) throw new GloveboxError("internal", "the server's answer has no body");
  return response.body;
}

/** As a request takes it. */
export function toContent(content: FileContent): Uint8Array | ReadableStream<Uint8Array> {
  if (typeof content === "string") return new TextEncoder().encode(content);
  return content instanceof Uint8Array ? content : toStream(content);
}

function toStream(content: FileContent): ReadableStream<Uint8Array> {
  if (content instanceof ReadableStream) return content;
  const source = typeof content === "string" || content instanceof Uint8Array ? [toContent(content)] : content;
  const chunks = iteratorOf(source as AsyncIterable<Uint8Array> | Iterable<Uint8Array>);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return?.();
    },
  });
}

function iteratorOf(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}
