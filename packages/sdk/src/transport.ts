import { errorOfAnswer } from "./answer-error.ts";
import { GloveboxError } from "./errors.ts";
import { DEFAULT_RETRY, type RetryPolicy, withRetry } from "./retry.ts";
import { type Query, queryString } from "./url-path.ts";

export interface TransportOptions {
  /** Where the server answers, e.g. `http://127.0.0.1:7070`. */
  readonly url: string;
  readonly token?: string | undefined;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface RequestSpec {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From {@link urlPath}. */
  readonly path: string;
  readonly query?: Query | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. A stream can be read once only, so such a request is never repeated. */
  readonly content?: Uint8Array | ReadableStream<Uint8Array> | undefined;
  readonly contentType?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly accept?: string | undefined;
  /** Makes a POST repeatable. */
  readonly idempotencyKey?: string | undefined;
  /** A POST that means the same when it is sent twice. */
  readonly repeatable?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Sends requests: authentication, retries of what is safe, and errors with a code. */
export class Transport {
  readonly url: string;
  readonly token: string | undefined;
  readonly #fetch: typeof fetch;
  readonly #policy: RetryPolicy;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: TransportOptions) {
    this.url = normalizeUrl(options.url);
    this.token = options.token;
    // Called unbound: a browser's fetch refuses any `this` but the window.
    const send = options.fetch ?? globalThis.fetch;
    this.#fetch = (input, init) => send(input, init);
    this.#policy = { ...DEFAULT_RETRY, ...options.retry };
    this.#headers = options.headers ?? {};
  }

  /** The answer's JSON, or `undefined` when it has none (204). */
  async json<T>(spec: RequestSpec): Promise<T> {
    return this.#withRetry(spec, async () => {
      const response = await this.#send(spec);
      if (response.status === 204) return undefined as T;
      try {
        return (await response.json()) as T;
      } catch (cause) {
        spec.signal?.throwIfAborted();
        throw new GloveboxError("unavailable", "the server's answer is not complete JSON", {
          status: response.status,
          requestId: response.headers.get("x-request-id") ?? undefined,
          cause,
        });
      }
    });
  }

  /** A successful answer whose body the caller reads (or cancels). */
  async raw(spec: RequestSpec): Promise<Response> {
    return this.#withRetry(spec, () => this.#send(spec));
  }

  #withRetry<T>(spec: RequestSpec, attempt: () => Promise<T>): Promise<T> {
    return withRetry(attempt, { repeatable: isRepeatable(spec), policy: this.#policy, signal: spec.signal });
  }

  async #send(spec: RequestSpec): Promise<Response> {
    spec.signal?.throwIfAborted();
    let response: Response;
    try {
      response = await this.#fetch(`${this.url}${spec.path}${queryString(spec.query)}`, this.#init(spec));
    } catch (cause) {
      spec.signal?.throwIfAborted();
      throw new GloveboxError("unavailable", `cannot reach ${this.url}${reasonOf(cause)}`, { cause });
    }
    if (response.ok) return response;
    throw await errorOfAnswer(response);
  }

  #init(spec: RequestSpec): RequestInit {
    const headers: Record<string, string> = { accept: spec.accept ?? "application/json", ...this.#headers };
    if (this.token !== undefined) headers.authorization = `Bearer ${this.token}`;
    if (spec.idempotencyKey !== undefined) headers["idempotency-key"] = spec.idempotencyKey;
    const init: RequestInit & { duplex?: "half" } = { method: spec.method, redirect: "error" };
    if (spec.signal !== undefined) init.signal = spec.signal;
    if (spec.content !== undefined) {
      headers["content-type"] = spec.contentType ?? "application/octet-stream";
      init.body = spec.content as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
      if (spec.content instanceof ReadableStream) init.duplex = "half";
    } else if (spec.body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(spec.body);
    }
    init.headers = { ...headers, ...spec.headers };
    return init;
  }
}

function isRepeatable(spec: RequestSpec): boolean {
  if (spec.content instanceof ReadableStream) return false;
  // PUT and DELETE mean the same when repeated; a PATCH does only under If-Match, where the repeat is a version_conflict.
  if (spec.method === "POST") return spec.idempotencyKey !== undefined || spec.repeatable === true;
  return spec.method !== "PATCH";
}

function normalizeUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new GloveboxError("invalid_argument", `not a URL: ${JSON.stringify(text)}`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new GloveboxError("invalid_argument", `not an http or https URL: ${JSON.stringify(text)}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new GloveboxError("invalid_argument", "the URL must not hold a password: give the token apart from it");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** Node hides the reason of a failed fetch in the cause's cause. */
function reasonOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === "string" && code !== "") return ` (${code})`;
  }
  return "";
}
