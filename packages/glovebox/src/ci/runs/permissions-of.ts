import { narrowPermissions } from "../workflow/narrow-permissions.ts";
import type { Job, Permissions } from "../workflow/workflow.ts";
import type { Flow } from "./flow.ts";

/** What a job's token may: its own word before its workflow's; in a called workflow never more than the caller's job may. */
export function permissionsOf(flow: Flow, job: Pick<Job, "permissions">): Permissions | undefined {
  if (flow.depth === 0) return job.permissions ?? flow.permissions;
  return narrowPermissions(flow.permissions, job.permissions ?? flow.workflow.permissions);
}
