import type { z } from "zod";
import type { Role } from "../../core/index.ts";

export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * How an operation answers. `json`: one JSON value. `text`: a plain one. `jsonl`: JSON values that stream, one a line. `none`: 204. `bytes` and `tar`: a body that streams. `sse`: server-sent events.
 * `json-or-sse`: a page, or a live stream when the client sends `Accept: text/event-stream`. `websocket`: an upgrade.
 */
export type AnswerKind = "json" | "text" | "jsonl" | "none" | "bytes" | "tar" | "sse" | "json-or-sse" | "websocket";

/** Why a surface has no counterpart of an operation. */
export interface LeftOut {
  readonly leftOut: string;
}

/** One operation of the one table, from which HTTP routes, OpenAPI, policy actions and the coverage tests are made. */
export interface Operation {
  readonly method: HttpMethod;
  /** As OpenAPI writes it: `/v1/sessions/{id}`. */
  readonly path: string;
  readonly summary: string;
  /** The weakest role that may call it; `public` needs no token. Roles: viewer < agent < developer < operator < admin. */
  readonly minimumRole: Role | "public";
  /** Only the root token may call it, whatever its roles. */
  readonly rootOnly?: true;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** A JSON body. */
  readonly body?: z.ZodType;
  /** A body that streams instead of a JSON one: any bytes, or a tar. */
  readonly upload?: "bytes" | "tar";
  readonly answer: AnswerKind;
  /** Status of a plain success. */
  readonly status: 200 | 201 | 202 | 204 | 101;
  /** Other statuses of success, with when. */
  readonly otherStatuses?: Readonly<Record<number, string>>;
  /** Of the JSON answer. */
  readonly response?: z.ZodType;
  /** Public, and believed by the signature of its body, which its handler checks. */
  readonly signed?: true;
  /** Speaks another protocol: its errors have that one's shape, and its requests may have fields that are not known here. */
  readonly dialect?: "openai";
  /** Takes an `Idempotency-Key` header. */
  readonly idempotent?: true;
  /** Whether each call is in the audit log. Default: when it is no GET. */
  readonly audited?: boolean;
  /** Answers with an `ETag` and heeds `If-Match`. */
  readonly versioned?: true;
  /**
   * Where the SDK has it: a dotted path that starts at the client (`sessions.create`), at a session handle (`session.files.read`) or at
   * an execution handle (`execution.cancel`).
   */
  readonly sdk: string | LeftOut;
  /** The CLI command that is this call (`session create`), or why there is none. */
  readonly cli: string | LeftOut;
}

/** Keeps the literal types of a group of operations while checking them. */
export function defineOperations<const T extends Readonly<Record<string, Operation>>>(operations: T): T {
  return operations;
}

/** The same value, as services hand it out. */
export type ReadonlyDeep<T> = T extends (infer I)[]
  ? readonly ReadonlyDeep<I>[]
  : T extends object
    ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> }
    : T;
