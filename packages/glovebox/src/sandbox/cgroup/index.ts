export { type CgroupHost, type CgroupPlace, detectCgroups, leaveHost } from "./host.ts";
export type { Controller } from "./layout.ts";
export { type CgroupLimits, type CgroupOutcome, SandboxCgroup } from "./sandbox-cgroup.ts";
export { sweepCgroups } from "./sweep.ts";
