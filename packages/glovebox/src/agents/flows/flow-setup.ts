import { z } from "zod";
import { Isolation } from "../../core/schemas.ts";
import { RepositorySource } from "../workbench/repository-tree.ts";

/** What a flow works with, besides its own input. */
export const FlowSetup = z.strictObject({
  repository: RepositorySource.optional(),
  /** Fixes what the sandbox sees of chance and place, so that the same input comes to the same. */
  deterministic: z.boolean().default(true),
  /** False: no model is asked although the server has one. */
  model: z.boolean().default(true),
  /** What the sandbox is made of. */
  template: z.string().min(1).max(100).optional(),
  isolation: Isolation.optional(),
  /** Keeps the repository's state after each step, so that a rollback brings it back together with the run. */
  snapshots: z.enum(["never", "after_each_step"]).default("never"),
});
export type FlowSetup = z.infer<typeof FlowSetup>;
export type FlowSetupInput = z.input<typeof FlowSetup>;
