import { z } from "zod";
import { LIMITS } from "../messages/limits.ts";
import { Runner, TestId } from "../test-exec/test-report.ts";

/** Of an earlier profile artifact: its `measured.time`. */
const Baseline = z.strictObject({
  metric: z.enum(["cpu", "wall"]),
  medianMs: z.number().min(0),
  madMs: z.number().min(0),
  repeats: z.number().int().min(1).max(1_000),
});

export const PerformancePayload = z.strictObject({
  /** A program of the repository, `python3 FILE …`, `python3 -m MODULE …` or `node FILE …`. Default: the tests are profiled. */
  command: z.array(z.string().min(1).max(4_096)).min(2).max(100).optional(),
  /** Of the tests; default: the one that the repository's files tell. */
  runner: Runner.optional(),
  /** Ids of tests and files; default: all. */
  only: z.array(TestId).max(1_000).optional(),
  /** How often the whole is measured, after once that does not count. Default 5; 0: it is only profiled. */
  repeats: z.number().int().min(0).max(100).optional(),
  /** What counts: seconds of the processor (default), which others on the machine disturb less, or of the clock. */
  metric: z.enum(["cpu", "wall"]).optional(),
  /** What the measurement is compared with. Default: what was kept for this repository, target and machine, where something was. */
  baseline: Baseline.optional(),
  /** Keeps what is measured, for later runs to be compared with. Default false. */
  keepBaseline: z.boolean().optional(),
  /** The name that baselines of this repository are kept under. Default: the one in package.json or pyproject.toml; without a name none is looked for. */
  repository: z.string().min(1).max(200).optional(),
  /** Has the model, where there is one, propose one optimisation. Default false. */
  optimise: z.boolean().optional(),
  /** Of everything together, milliseconds; default 300,000. */
  timeoutMs: z.number().int().min(1).max(LIMITS.timeoutMs).optional(),
});
export type PerformancePayload = z.infer<typeof PerformancePayload>;
