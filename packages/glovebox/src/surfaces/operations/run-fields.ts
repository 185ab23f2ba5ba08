import { z } from "zod";
import { ERROR_CODES } from "../../core/index.ts";

/** What the operations of runs answer. */

const Count = z.number().int();
const Json = z.unknown();

export const RunStatus = z.enum(["queued", "running", "waiting", "completed", "failed", "cancelled"]);

/** What may be used; absent: no limit. */
export const RunBudget = z.strictObject({
  /** Milliseconds from the run's start, waiting and downtime included. */
  wallMs: z.number().min(0).optional(),
  /** In and out together. */
  tokens: z.number().min(0).optional(),
  /** US dollars. */
  dollars: z.number().min(0).optional(),
  toolCalls: z.number().min(0).optional(),
  sandboxSeconds: z.number().min(0).optional(),
});

const RunUsage = z.strictObject({
  tokens: z.number(),
  dollars: z.number(),
  toolCalls: z.number(),
  sandboxSeconds: z.number(),
});

const RunError = z.strictObject({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  details: z.record(z.string(), Json).optional(),
});

export const Run = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  program: z.string(),
  version: z.string(),
  status: RunStatus,
  /** While `waiting`. */
  waitingFor: z.array(z.enum(["signal", "approval", "timer", "child"])).optional(),
  /** Higher goes first among what is due. */
  priority: z.number(),
  createdAt: z.string(),
  endedAt: z.string().optional(),
  /** Of a failed run, and the reason of a cancelled one. */
  error: RunError.optional(),
  parentId: z.string().optional(),
  /** The run that this one was forked from, and the step at which they part. */
  forkedFrom: z.strictObject({ runId: z.string(), step: z.string() }).optional(),
  idempotencyKey: z.string().optional(),
  /** SHA-256, hex, of the input's canonical JSON. */
  inputHash: z.string(),
  /** Milliseconds since the epoch. */
  deadlineMs: z.number().optional(),
  budget: RunBudget.optional(),
  usage: RunUsage,
  /** How often it was taken up again. */
  resumes: Count,
  /** How often it was taken back to before a step; absent: never. */
  rollbacks: Count.optional(),
  /** Set while it is taken back to before a step. */
  rollingBack: z.strictObject({ step: z.string(), reason: z.string().optional() }).optional(),
  /** Came in by import: it can be looked at, replayed and forked, never resumed. */
  imported: z.boolean().optional(),
});

/** What a rollback did beside the journal and the sandboxes. */
export const Restored = z.strictObject({
  context: z
    .strictObject({
      /** How many documents of the context store are as if the run had not written them. */
      documents: Count,
      /** How many are not: somebody else wrote after it, or what was before has been forgotten. */
      kept: Count,
      /** The first 100 of those. */
      conflicts: z.array(
        z.strictObject({
          id: z.string(),
          scope: z.string(),
          kind: z.string(),
          path: z.string().optional(),
          /** The current one, which was left as it is. */
          version: z.number().int(),
          reason: z.enum(["changed_since", "forgotten"]),
        }),
      ),
    })
    .optional(),
});

export const RolledBackRun = Run.extend({ restored: Restored.optional() });

/** `output` when it completed; what went wrong is in `run.error`. */
export const RunResult = z.strictObject({ run: Run, output: Json.optional() });

export const ProgramSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  description: z.string().optional(),
  /** JSON Schema. */
  input: z.record(z.string(), Json),
  /** JSON Schema. */
  output: z.record(z.string(), Json),
});

/** A record of a journal, as it is hashed: `hash` covers `seq, ts, type, step, attempt, payloadHash` and the hash before. */
export const RunRecord = z.strictObject({
  runId: z.string(),
  /** From 1, without holes. */
  seq: Count,
  /** Milliseconds since the epoch. */
  ts: Count,
  type: z.string(),
  /** The operation's path. */
  step: z.string().optional(),
  attempt: Count.optional(),
  /** Empty when it was erased. */
  payload: z.record(z.string(), Json),
  payloadHash: z.string(),
  hash: z.string(),
  erased: z.boolean().optional(),
});

export const RunRecordPage = z.strictObject({
  items: z.array(RunRecord),
  /** Give this as `afterSeq` to read on. */
  nextAfterSeq: Count,
  /** The run has ended, and these are its last records. */
  done: z.boolean(),
});

const Node = z.strictObject({
  path: z.string(),
  kind: z.enum([
    ...([
      "step",
      "compensation",
      "sleep",
      "wait",
      "child",
      "now",
      "random",
      "uuid",
      "budget",
      "note",
      "wait_any",
    ] as const),
    ...(["group", "branch"] as const),
  ]),
  parent: z.string().optional(),
  /** `void`: taken back by a rollback. `pending`: it was under way when the process ended. */
  status: z.enum(["pending", "running", "waiting", "completed", "failed", "cancelled", "void"]),
  attempts: Count,
  startedAtMs: z.number().optional(),
  endedAtMs: z.number().optional(),
  error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  waitsFor: z
    .strictObject({
      kind: z.enum(["signal", "approval", "timer", "child", "retry"]),
      name: z.string().optional(),
      untilMs: z.number().optional(),
    })
    .optional(),
  childRunId: z.string().optional(),
});

export const RunGraph = z.strictObject({
  nodes: z.array(Node),
  /** `to` was asked for when `from` was answered. */
  edges: z.array(z.strictObject({ from: z.string(), to: z.string() })),
  /** Operations beyond the 5,000 that are shown: what completed first is left out. */
  omitted: Count,
});

export const RunBudgetReport = z.strictObject({
  limits: RunBudget,
  used: RunUsage,
  /** Oldest first, at most 1,000: of more every second, every fourth, …. */
  history: z.array(z.strictObject({ seq: Count, atMs: z.number(), step: z.string().optional(), used: RunUsage })),
  /** The limit that ended the run. */
  exceeded: z
    .strictObject({ of: z.enum(["run", "tenant"]), what: z.string(), limit: z.number(), used: z.number() })
    .optional(),
});

const Difference = z.strictObject({
  seq: Count,
  step: z.string().optional(),
  expected: Json,
  found: Json,
});

export const RunReplay = z.strictObject({
  /** Whether the program decided what it had decided. */
  identical: z.boolean(),
  /** How many records were compared. */
  records: Count,
  firstDifference: Difference.optional(),
  /** Of a live replay: how many steps were done again, and those whose results differ, at most 100. */
  live: z
    .strictObject({
      steps: Count,
      differences: z.array(z.strictObject({ step: z.string(), expected: Json, found: Json })),
    })
    .optional(),
});

export const RunVerification = z.strictObject({
  ok: z.boolean(),
  /** Records that were found right. */
  records: Count.optional(),
  /** How many of these have lost their payload to retention. */
  erased: Count.optional(),
  /** The first record that is wrong, and why. */
  seq: Count.optional(),
  reason: z.string().optional(),
});

export const RunImport = z.strictObject({
  run: Run,
  records: Count,
  /** The file ends before the journal does; what came before is whole. */
  torn: z.strictObject({ afterSeq: Count, missing: Count }).optional(),
});
