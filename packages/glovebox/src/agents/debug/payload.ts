import { z } from "zod";
import { Runner, TestId } from "../test-exec/test-report.ts";

/** What the agent `debug` is asked. */
export const DebugPayload = z.strictObject({
  /** Default: the one that the repository's files tell. */
  runner: Runner.optional(),
  /** Failing tests that are looked at; default: all that fail. A repair lets all of these pass, and breaks none. */
  tests: z.array(TestId).max(1_000).optional(),
  /** Whether repairs are looked for, besides what is suspicious. */
  repair: z.boolean().default(true),
  /** Lines that are changed, the most suspicious ones. */
  lines: z.number().int().min(1).max(200).default(40),
  /** Of a run of all tests, milliseconds. */
  timeoutMs: z.number().int().min(1_000).max(3_600_000).default(300_000),
  /** Of one test (of node:test: of one file), milliseconds: what never ends is no reason to wait. */
  testTimeoutMs: z.number().int().min(100).max(600_000).default(10_000),
  budget: z
    .strictObject({
      /** Changes that are tried at most. */
      candidates: z.number().int().min(1).max(5_000).default(600),
      /** Of what the run uses while it looks for a repair. */
      sandboxSeconds: z.number().min(1).max(3_600).default(120),
    })
    .prefault({}),
});
export type DebugPayload = z.infer<typeof DebugPayload>;
