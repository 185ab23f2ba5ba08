/** One page of a list, newest first unless said otherwise. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; absent on the last page. */
  readonly nextCursor?: string;
}

export interface PageRequest {
  /** 1 to 1,000; default 50. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What every call takes: a signal that ends it (the call rejects with the signal's reason). */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What every call that makes something takes. */
export interface CreateOptions extends CallOptions {
  /** Repeating a call with the same key gives the first answer again. Default: a new one per call, so that retries are safe. */
  readonly idempotencyKey?: string | undefined;
}
