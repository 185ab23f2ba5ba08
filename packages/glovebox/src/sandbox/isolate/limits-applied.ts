import { type AppliedLimit, GloveboxError, type SessionLimits } from "../../core/index.ts";
import { MAX_PAGES } from "./engine/memory-cap.ts";
import { PAGE_BYTES } from "./shared-words.ts";

const MAX_MEMORY_MB = (MAX_PAGES * PAGE_BYTES) / 1_048_576;

/** How each limit of a session holds in an isolate. */
export function limitsApplied(limits: SessionLimits, helper: boolean): AppliedLimit[] {
  const files = helper
    ? { mechanism: "host", reason: "only the helper sandbox touches files and starts programs, under this limit" }
    : { mechanism: "engine", reason: "there is nothing in the engine that could use it" };
  return [
    {
      limit: "memoryMb",
      requested: limits.memoryMb,
      applied: Math.min(limits.memoryMb, MAX_MEMORY_MB),
      mechanism: "engine",
    },
    { limit: "cpus", requested: limits.cpus, applied: Math.min(limits.cpus, 1), mechanism: "engine" },
    { limit: "pids", requested: limits.pids, applied: limits.pids, ...files },
    { limit: "openFiles", requested: limits.openFiles, applied: limits.openFiles, ...files },
    { limit: "diskMb", requested: limits.diskMb, applied: limits.diskMb, ...files },
    { limit: "network", requested: "none", applied: "none", mechanism: "engine" },
  ];
}

/** The engine starts with 16 MiB: less cannot be enforced. */
export function checkLimits(limits: SessionLimits): void {
  if (limits.memoryMb >= 16) return;
  throw new GloveboxError("limits_unenforceable", "an isolate needs at least 16 MiB of memory", {
    details: { limit: "memoryMb", requested: limits.memoryMb },
  });
}
