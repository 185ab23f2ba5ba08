/** What is about to be written. `final` is an execution's last change; `stream` closes or removes one. */
export type WriteKind =
  | "template"
  | "session"
  | "execution"
  | "final"
  | "event"
  | "stream"
  | "token"
  | "idempotency"
  | "setting"
  | "retention"
  | "blob"
  | "secret"
  | "audit"
  | "run"
  | "snapshot"
  | "conversation"
  | "approval"
  | "repository"
  | "delivery"
  | "report"
  | "ci_run"
  | "lesson"
  | "agent"
  | "agent_task";

/** For tests: stands where the disk does. Throwing makes that write reject with `store_failed`, with nothing written. */
export interface StoreFaults {
  before(kind: WriteKind): void;
}
