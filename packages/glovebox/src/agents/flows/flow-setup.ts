import { z } from "zod";
import { Isolation } from "../../core/schemas.ts";
import { HostInput } from "../open-host.ts";
import { Publish } from "./publish.ts";

/** What a flow works with, besides its own input. */
export const FlowSetup = HostInput.extend({
  deterministic: z.boolean().default(true),
  /** Of the sandbox that the repository lies in. Default: the template's. */
  isolation: Isolation.optional(),
  /** Of a repository that the server knows: the change is pushed as a branch, or also proposed. Default: the diff is all. */
  publish: Publish.optional(),
  /** `after_each_step` keeps the repository's state, so that a rollback brings it back together with the run. */
  snapshots: z.enum(["never", "after_each_step"]).default("never"),
});
export type FlowSetup = z.infer<typeof FlowSetup>;
