import type { SqlValue } from "better-sqlite3";

/** What a statement must do; otherwise its whole unit is rolled back and nothing of it happened. */
export type Expectation = "row" | "no_row" | "change";

/** One compiled statement. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  readonly expect?: Expectation;
}

/** Statements on the main database that happen together or not at all. */
export interface SqlRequest {
  readonly type: "sql";
  readonly id: number;
  readonly statements: readonly Statement[];
  /**
   * Not before all that was asked for on this stream is on disk, and not at all when the last of it failed. It repeats what the
   * stream says, so a power cut may lose it.
   */
  readonly after?: StreamAddress;
}

/** Which stream, and in which event file (`events-20261116.db`). */
export interface StreamAddress {
  readonly file: string;
  readonly tenantId: string;
  readonly kind: string;
  readonly streamId: string;
}

export interface AppendRequest extends StreamAddress {
  readonly type: "append";
  readonly id: number;
  readonly tsMs: number;
  readonly types: readonly string[];
  /** JSON, one for each type. */
  readonly payloads: readonly string[];
  /** JSON; absent leaves the stored state as it is. */
  readonly state?: string;
}

export interface CloseStreamRequest extends StreamAddress {
  readonly type: "close";
  readonly id: number;
  readonly tsMs: number;
}

/** Removes a stream and its events, unless something was appended after `unlessAfterMs`. */
export interface RemoveStreamRequest extends StreamAddress {
  readonly type: "remove";
  readonly id: number;
  readonly unlessAfterMs?: number;
}

/** Deletes an event file, unless it holds a stream that was appended to after `unlessAfterMs`, or another number of streams. */
export interface DropFileRequest {
  readonly type: "drop";
  readonly id: number;
  readonly file: string;
  readonly unlessAfterMs: number;
  readonly streams: number;
}

export type StreamRequest = AppendRequest | CloseStreamRequest | RemoveStreamRequest;
export type WriteRequest = SqlRequest | StreamRequest | DropFileRequest;
export type NewRequest = WriteRequest extends infer R ? (R extends WriteRequest ? Omit<R, "id"> : never) : never;

/** To the writer: requests in order, or the wish to end. */
export type ToWriter =
  | { readonly type: "write"; readonly requests: readonly WriteRequest[] }
  | { readonly type: "end" };

export interface StatementResult {
  readonly changes: number;
  readonly rows: readonly Record<string, SqlValue>[];
}

export type WriteReply =
  | { readonly id: number; readonly type: "done"; readonly results: readonly StatementResult[] }
  | { readonly id: number; readonly type: "appended"; readonly firstSeq: number; readonly lastSeq: number }
  /** Closed, removed or dropped: how many events went. -1: the condition did not hold and nothing was done. */
  | { readonly id: number; readonly type: "changed"; readonly events: number }
  /** The statement at `index` did not do what was expected of it. */
  | { readonly id: number; readonly type: "unmet"; readonly index: number }
  /** The stream is closed. */
  | { readonly id: number; readonly type: "closed" }
  | {
      readonly id: number;
      readonly type: "failed";
      readonly index: number;
      readonly code: string;
      readonly message: string;
    };

/** From the writer. */
export type FromWriter =
  | { readonly type: "ready" }
  | { readonly type: "replies"; readonly replies: readonly WriteReply[] }
  | { readonly type: "ended" };
