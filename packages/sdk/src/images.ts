import { errorOfMessage } from "./answer-error.ts";
import { GloveboxError } from "./errors.ts";
import { bodyOf, type FileContent, toContent } from "./files.ts";
import { sseMessages } from "./sse.ts";
import type { Transport } from "./transport.ts";
import type { Image, ImageEntry, ImageProgress } from "./types/image.ts";
import type { CallOptions } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

export interface ImageBuildOptions extends CallOptions {
  /** Build it in any case, with the packages that Debian has now. Default false. */
  readonly fresh?: boolean | undefined;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
}

export interface ImageImportOptions extends CallOptions {
  /** Default: what the image calls itself. */
  readonly name?: string | undefined;
  /** Whether an image of that name gives way. Default false. */
  readonly replace?: boolean | undefined;
}

/** Root images. All tenants share them: only the root token may build, delete and import. */
export class Images {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Every name that is defined or there. */
  async list(options: CallOptions = {}): Promise<{ readonly items: readonly ImageEntry[] }> {
    return this.#transport.json({ method: "GET", path: urlPath("images"), signal: options.signal });
  }

  async get(name: string, options: CallOptions = {}): Promise<ImageEntry> {
    return this.#transport.json({ method: "GET", path: urlPath("images", name), signal: options.signal });
  }

  /** Builds an image unless it is there as it is defined now. The signal ends the build, and so does a connection that breaks (`unavailable`). */
  async build(name: string, options: ImageBuildOptions = {}): Promise<Image> {
    const response = await this.#transport.raw({
      method: "POST",
      path: urlPath("images", name, "build"),
      body: { fresh: options.fresh ?? false },
      accept: "text/event-stream",
      signal: options.signal,
    });
    for await (const message of sseMessages(bodyOf(response))) {
      if (message.event === "error") throw errorOfMessage(message.data);
      if (message.event === "progress") options.onProgress?.(JSON.parse(message.data) as ImageProgress);
      if (message.event === "image") return JSON.parse(message.data) as Image;
    }
    throw new GloveboxError("unavailable", "the server ended the build's stream before the image was there");
  }

  /** Sandboxes that run from it go on. */
  async delete(name: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json<void>({ method: "DELETE", path: urlPath("images", name), signal: options.signal });
  }

  /** An OCI archive, as it comes. */
  async export(name: string, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const path = urlPath("images", name, "archive");
    return bodyOf(await this.#transport.raw({ method: "GET", path, accept: "*/*", signal: options.signal }));
  }

  /** Takes an image from an OCI archive: a tar, plain or compressed. */
  async import(archive: FileContent, options: ImageImportOptions = {}): Promise<Image> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("images"),
      query: { name: options.name, replace: options.replace },
      content: toContent(archive),
      signal: options.signal,
    });
  }
}
