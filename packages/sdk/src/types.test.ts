import { expect, test } from "vitest";
import type { z } from "zod";
import type { TurnEvent } from "../../glovebox/src/chat/index.ts";
import type { CiLogLine } from "../../glovebox/src/ci/index.ts";
import { type CiRun, ERROR_CODES as SERVER_CODES } from "../../glovebox/src/core/index.ts";
import type * as server from "../../glovebox/src/core/schemas.ts";
import type { FileChange as ServerFileChange, FileStat as ServerFileStat } from "../../glovebox/src/sandbox/index.ts";
import type { OPERATIONS } from "../../glovebox/src/surfaces/operations/index.ts";
import { ERROR_CODES } from "./errors.ts";
import type * as sdk from "./index.ts";

// The types below are the test: `tsc` fails when the SDK's words are not the server's.

/** A type without what does not count here: `readonly`, and whether an optional field may also be `undefined`. */
type Plain<T> = [sdk.Json] extends [T] ? "json" : PlainEach<T>;
type PlainEach<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? Plain<Item>[]
    : { -readonly [K in keyof T]-?: Plain<Exclude<T[K], undefined>> };

/** `true` when both sides are the same, else what each says. */
type Same<A, B> = [Plain<A>] extends [Plain<B>]
  ? [Plain<B>] extends [Plain<A>]
    ? true
    : { first: Plain<A>; second: Plain<B> }
  : { first: Plain<A>; second: Plain<B> };

type Table = typeof OPERATIONS;
type Response<Id extends keyof Table> = Table[Id] extends { response: z.ZodType }
  ? z.output<Table[Id]["response"]>
  : never;
type Body<Id extends keyof Table> = Table[Id] extends { body: z.ZodType } ? z.input<Table[Id]["body"]> : never;

const holds = <_ extends true>(): void => {};

test("the SDK's types are the server's", () => {
  holds<Same<server.Template, sdk.Template>>();
  holds<Same<server.Execution, sdk.ExecutionInfo>>();
  holds<Same<server.ExecutionMetrics, sdk.ExecutionMetrics>>();
  holds<Same<server.Token, sdk.Token>>();
  holds<Same<Response<"context.add">, sdk.ContextAdded>>();
  holds<Same<Response<"context.get">, sdk.ContextDocument>>();
  holds<Same<Response<"context.history">["items"][number], sdk.ContextVersion>>();
  holds<Same<Response<"context.search">, sdk.ContextFound>>();
  holds<Same<Body<"context.search">, sdk.ContextSearch>>();
  holds<Same<Response<"context.merge">, sdk.ContextMerged>>();
  holds<Same<Body<"context.merge">, sdk.ContextMerge>>();
  holds<Same<Response<"context.snapshots.create">, sdk.ContextSnapshot>>();
  holds<Same<Response<"context.compact">, sdk.ContextCompacted>>();
  holds<Same<Response<"agents.get">, sdk.AgentInfo>>();
  holds<Same<Body<"agents.register">, sdk.AgentRegistration>>();
  holds<Same<Body<"agents.run">, sdk.AgentRunInput & { wait?: boolean }>>();
  holds<Same<Response<"flows.run">, sdk.FlowRun>>();
  holds<Same<Response<"flows.get">, sdk.FlowInfo & { plan: sdk.FlowPlan }>>();
  holds<Same<Body<"flows.start">, sdk.FlowStart>>();
  holds<Same<Body<"flows.answer">, sdk.FlowAnswer>>();
  holds<Same<Body<"flows.validate">, sdk.FlowChoice>>();
  holds<Same<Response<"tasks.get">, sdk.QueuedTask>>();
  holds<Same<Response<"tasks.lease">, { lease?: sdk.TaskLease }>>();
  holds<Same<Body<"tasks.fail">, { leaseId: string; error: sdk.AgentFailure }>>();
  holds<Same<Body<"tasks.complete">["payload"]["delta"], sdk.AgentOutcome["delta"]>>();
  holds<Same<Body<"tasks.complete">["payload"]["newTasks"], sdk.AgentOutcome["newTasks"]>>();
  holds<Same<Body<"tasks.complete">["payload"]["artifacts"][number]["kind"], sdk.Artifact["kind"]>>();
  holds<Same<server.Pool, sdk.Pool>>();
  holds<Same<Response<"pools.show">, sdk.Pool>>();
  holds<Same<server.StoredEvent, sdk.StoredEvent>>();
  holds<Same<server.EventType, sdk.EventType>>();
  holds<Same<server.ExecutionStatus, sdk.ExecutionStatus>>();
  holds<Same<server.SessionStatus, sdk.SessionStatus>>();
  holds<Same<server.Isolation, sdk.Isolation>>();
  holds<Same<server.Language, sdk.Language>>();
  holds<Same<server.Role, sdk.Role>>();
  holds<Same<server.Limits, sdk.Limits>>();
  holds<Same<ServerFileStat, sdk.FileStat>>();
  holds<Same<ServerFileChange, sdk.FileChange>>();
  holds<Same<server.Session, sdk.SessionInfo>>();
  holds<Same<Response<"sessions.stats">, sdk.SessionStats>>();
  holds<Same<Body<"sessions.pause">, sdk.PauseOptions>>();
  holds<Same<server.Snapshot, sdk.Snapshot>>();
  holds<Same<server.SnapshotChange, sdk.SnapshotChange>>();
  holds<Same<Response<"sessions.fork">, sdk.ForkAnswer>>();
  holds<Same<Body<"sessions.fork">, sdk.ForkOptions>>();
  holds<Same<Omit<Body<"sessions.rollback">, "snapshot">, sdk.RollbackOptions>>();
  holds<Same<Response<"summary.get">, sdk.Summary>>();
  holds<Same<Response<"ci.runs.get">, sdk.CiRun>>();
  holds<Same<Body<"ci.runs.start">, sdk.CiStart>>();
  holds<Same<CiLogLine, sdk.CiLogLine>>();
  holds<Same<CiRun, sdk.CiRun>>();
  holds<Same<Response<"whoami.get">, sdk.Whoami>>();
  holds<Same<Response<"doctor.get">, sdk.DoctorReport>>();
  holds<Same<Response<"config.get">, sdk.ConfigReport>>();
  holds<Same<Response<"retention.sweep">, sdk.SweepReport>>();
  holds<Same<Response<"secrets.set">, sdk.Secret>>();
  holds<Same<Response<"secrets.rotateKey">, sdk.KeyRotation>>();
  holds<Same<Response<"audit.list">["items"][number], sdk.AuditRecord>>();
  holds<Same<Response<"audit.verify">, sdk.AuditVerification>>();
  holds<Same<Response<"egress.test">, sdk.EgressDecision>>();
  holds<Same<Response<"chat.extract">, sdk.Extraction>>();
  holds<Same<Response<"programs.list">["items"][number], sdk.ProgramInfo>>();
  holds<Same<Response<"runs.get">, sdk.RunInfo>>();
  holds<Same<Response<"runs.rollback">, sdk.RolledBackRun>>();
  holds<Same<Response<"runs.result">, sdk.RunResult>>();
  holds<Same<Response<"runs.journal">, sdk.RunRecordPage>>();
  holds<Same<Response<"runs.graph">, sdk.RunGraph>>();
  holds<Same<Response<"runs.budget">, sdk.RunBudgetReport>>();
  holds<Same<Response<"runs.replay">, sdk.RunReplay>>();
  holds<Same<Response<"runs.verify">, sdk.RunVerification>>();
  holds<Same<Response<"runs.import">, sdk.RunImport>>();
  holds<Same<Response<"chat.extract">, sdk.Extraction>>();
  holds<Same<Omit<Response<"chat.parseExecute">, "executions">, Omit<sdk.ParseExecution, "executions">>>();
  holds<Same<Response<"chat.send">, sdk.Turn>>();
  holds<Same<Response<"assistants.get">, sdk.AssistantInfo>>();
  holds<Same<Response<"conversations.list">["items"][number], sdk.Conversation>>();
  holds<Same<Response<"conversations.get">, sdk.WholeConversation>>();
  holds<Same<Response<"approvals.get">, sdk.Approval>>();
  holds<Same<TurnEvent, sdk.TurnEvent>>();
  holds<Same<Omit<Response<"executions.events">, "items">, Omit<sdk.EventPage, "items">>>();
  holds<Same<Omit<Response<"executions.create">, "events">, Omit<sdk.ExecutionAnswer, "events">>>();
});

test("what the SDK's types let one say, the server accepts", () => {
  holds<Same<sdk.TemplateInput, z.input<typeof server.TemplateInput>>>();
  holds<Same<sdk.TemplatePatch, z.input<typeof server.TemplatePatch>>>();
  holds<Same<sdk.SessionInput, z.input<typeof server.SessionInput>>>();
  holds<Same<sdk.ExecutionInput, z.input<typeof server.ExecutionInput>>>();
  holds<Same<sdk.TokenInput, z.input<typeof server.TokenInput>>>();
  holds<Same<sdk.ExecuteInput | sdk.SnippetInput, Body<"executions.execute">>>();
  holds<Same<sdk.BatchInput, Body<"executions.batch">>>();
  holds<Same<sdk.SecretInput, Body<"secrets.set">>>();
  holds<Same<sdk.EgressTest, Body<"egress.test">>>();
  holds<Same<sdk.ExtractInput & { text: string }, Body<"chat.extract">>>();
  holds<Same<sdk.ParseExecuteInput & { text: string }, Body<"chat.parseExecute">>>();
  holds<Same<sdk.ChatInput & { stream?: boolean }, Body<"chat.send">>>();
  holds<Same<sdk.RunInput & { wait?: boolean }, Body<"runs.start">>>();
  holds<Same<sdk.RunFork, Body<"runs.fork">>>();
  holds<Same<sdk.RetentionPolicy, Body<"retention.set">>>();
});

test("the SDK knows the server's error codes, all and only", () => {
  expect(ERROR_CODES).toEqual(SERVER_CODES);
});
