import type { RunWait } from "../../core/index.ts";
import type { Operation } from "./operation.ts";

/** What a run waits for, sorted; nothing when any of its operations is at work. */
export function waitsOf(pending: Iterable<Operation>): readonly RunWait[] {
  const waits = new Set<RunWait>();
  for (const { spec } of pending) {
    if (spec.kind === "sleep") waits.add("timer");
    else if (spec.kind === "wait") waits.add(spec.approval ? "approval" : "signal");
    else if (spec.kind === "child") waits.add("child");
    else return [];
  }
  return [...waits].toSorted();
}
