import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Principal } from "../../core/index.ts";
import type { Operation, OperationId, OperationTable } from "../operations/index.ts";
import type { ReadonlyDeep } from "../operations/operation.ts";

type Output<T> = T extends z.ZodType ? z.output<T> : undefined;
/** What is absent is absent: a validated query holds no explicit `undefined`. */
type Present<T> = T extends object ? { readonly [K in keyof T]: Exclude<T[K], undefined> } : T;

/** One request to one operation, authenticated, authorised and validated. */
export interface Call<O extends Operation> {
  readonly principal: Principal;
  readonly params: Output<O["params"]>;
  readonly query: Present<Output<O["query"]>>;
  readonly body: Output<O["body"]>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Aborts when the client is gone, or when the server shuts down and its grace is over. */
  readonly signal: AbortSignal;
}

/** What a handler gives back: the JSON answer, or nothing where it has answered by itself or there is nothing to say. */
type Answer<O extends Operation> = O["answer"] extends "json"
  ? ReadonlyDeep<Output<O["response"]>>
  : O["answer"] extends "json-or-sse"
    ? ReadonlyDeep<Output<O["response"]>> | undefined
    : // biome-ignore lint/suspicious/noConfusingVoidType: handlers of bodiless answers are plain async functions
      void;

export type Handler<O extends Operation> = (call: Call<O>) => Promise<Answer<O>>;

/** Every operation has its handler; forgetting one does not compile. */
export type HandlerTable = { readonly [K in OperationId]: Handler<OperationTable[K]> };
export type HandlersOf<T extends Readonly<Record<string, Operation>>> = { readonly [K in keyof T]: Handler<T[K]> };
