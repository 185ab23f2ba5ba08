import { z } from "zod";
import {
  Execution,
  ExecutionInput,
  ExecutionKind,
  ExecutionStatus,
  Language,
  SessionInput,
  TerminalSize,
} from "../../core/schemas.ts";
import { EventPage, EventSchema, EventsQuery, Id, IdParams, PageQuery, page, queryList } from "./fields.ts";
import { defineOperations } from "./operation.ts";

const time = z.iso.datetime({ offset: true });

/** `wait: true` answers when the execution is over, with its events. */
export const ExecutionRequest = z.strictObject({ ...ExecutionInput.shape, wait: z.boolean().optional() });
export type ExecutionRequest = z.infer<typeof ExecutionRequest>;

/** An execution; with its first 10,000 events when it was waited for. */
export const ExecutionAnswer = z.strictObject({
  execution: Execution,
  events: z.array(EventSchema).optional(),
  /** There are more events; read on from here. */
  nextAfterSeq: z.number().int().optional(),
});

/** `session` makes the session as `sessions.create` does; `reuse` has no sense here. */
export const ExecuteRequest = z.strictObject({
  ...ExecutionInput.omit({ onBusy: true, idempotencyKey: true, background: true }).shape,
  session: SessionInput.omit({ key: true, reuse: true }).optional(),
});

/** Just some code: in a session that is there, behind what runs in it, or in one for this call only. */
export const SnippetRequest = z.strictObject({
  kind: z.undefined().optional(),
  language: Language,
  code: z.string().max(1_048_576),
  sessionId: Id.optional(),
});

export const BatchRequest = z.strictObject({
  /** The session for all items; without it each item is a one-shot of its own. */
  sessionId: Id.optional(),
  mode: z.enum(["sequential", "parallel"]).default("sequential"),
  /** Sequential: whether to go on after an item that did not end as `ok`. Default false. */
  continueOnError: z.boolean().default(false),
  items: z.array(ExecuteRequest).min(1).max(100),
});

const BatchItem = z.strictObject({
  /** Absent when the item was skipped or could not be started. */
  execution: Execution.optional(),
  events: z.array(EventSchema).optional(),
  nextAfterSeq: z.number().int().optional(),
  skipped: z.boolean().optional(),
  error: z
    .strictObject({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()).optional() })
    .optional(),
});

export const StdinRequest = z.strictObject({
  /** Either text … */
  text: z.string().max(1_048_576).optional(),
  /** … or bytes. */
  base64: z
    .string()
    .max(1_500_000)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/, "not base64")
    .optional(),
  /** No more will come. */
  close: z.boolean().optional(),
});

export const executionOperations = defineOperations({
  "executions.create": {
    method: "POST",
    path: "/v1/sessions/{id}/executions",
    summary: "Run something in a session",
    minimumRole: "agent",
    params: IdParams,
    body: ExecutionRequest,
    answer: "json",
    status: 202,
    otherStatuses: { 200: "`wait` was set: it is over, and its events are in the answer" },
    response: ExecutionAnswer,
    idempotent: true,
    sdk: "executions.create",
    cli: "exec",
  },
  "executions.list": {
    method: "GET",
    path: "/v1/executions",
    summary: "List executions, newest first",
    minimumRole: "viewer",
    query: z.strictObject({
      ...PageQuery.shape,
      sessionId: Id.optional(),
      kind: queryList(ExecutionKind).optional(),
      status: queryList(ExecutionStatus).optional(),
      language: Language.optional(),
      /** Created at or after. */
      since: time.optional(),
      /** Created before. */
      until: time.optional(),
    }),
    answer: "json",
    status: 200,
    response: page(Execution),
    sdk: "executions.list",
    cli: "exec list",
  },
  "executions.get": {
    method: "GET",
    path: "/v1/executions/{id}",
    summary: "Read an execution",
    minimumRole: "viewer",
    params: IdParams,
    answer: "json",
    status: 200,
    response: Execution,
    sdk: "executions.get",
    cli: "exec get",
  },
  "executions.events": {
    method: "GET",
    path: "/v1/executions/{id}/events",
    summary: "What happened in an execution: a page, or live as server-sent events (`Last-Event-ID` resumes)",
    minimumRole: "viewer",
    params: IdParams,
    query: EventsQuery,
    answer: "json-or-sse",
    status: 200,
    response: EventPage,
    sdk: "executions.events",
    cli: "exec events",
  },
  "executions.follow": {
    method: "GET",
    path: "/v1/executions/{id}/events/ws",
    summary: "What happens in an execution, live over a WebSocket; `afterSeq` resumes",
    minimumRole: "viewer",
    params: IdParams,
    query: EventsQuery.omit({ limit: true }),
    answer: "websocket",
    status: 101,
    sdk: { leftOut: "`executions.events` streams over SSE, which passes every proxy" },
    cli: { leftOut: "`exec events --follow` uses SSE" },
  },
  "executions.cancel": {
    method: "POST",
    path: "/v1/executions/{id}/cancel",
    summary: "Stop an execution and everything it started; answers when it is over",
    minimumRole: "agent",
    params: IdParams,
    answer: "json",
    status: 200,
    response: Execution,
    sdk: "executions.cancel",
    cli: "exec cancel",
  },
  "executions.stdin": {
    method: "POST",
    path: "/v1/executions/{id}/stdin",
    summary: "Write to an execution's standard input, or close it",
    minimumRole: "agent",
    params: IdParams,
    body: StdinRequest,
    answer: "none",
    status: 204,
    sdk: "executions.stdin",
    cli: "exec stdin",
  },
  "executions.resize": {
    method: "POST",
    path: "/v1/executions/{id}/resize",
    summary: "Change the size of an execution's terminal",
    minimumRole: "agent",
    params: IdParams,
    body: TerminalSize,
    answer: "none",
    status: 204,
    sdk: "executions.resize",
    cli: { leftOut: "`shell` does it" },
  },
  "executions.execute": {
    method: "POST",
    path: "/v1/execute",
    summary: "Make a session, run something in it, close it; answers when it is over",
    minimumRole: "agent",
    body: z.discriminatedUnion("kind", [SnippetRequest, ExecuteRequest]),
    answer: "json",
    status: 200,
    response: ExecutionAnswer,
    idempotent: true,
    sdk: "execute",
    cli: "run",
  },
  "executions.batch": {
    method: "POST",
    path: "/v1/executions/batch",
    summary: "Run several things, one after the other or at once; answers when all are over",
    minimumRole: "agent",
    body: BatchRequest,
    answer: "json",
    status: 200,
    response: z.strictObject({ items: z.array(BatchItem) }),
    sdk: "executions.batch",
    cli: { leftOut: "a shell script does it" },
  },
});
