import type { NodeKind, NodeStatus, NodeWait, RunNode } from "./run-graph.ts";

/** Predecessors that are remembered of one node: a thousand steps that all await a thousand others would be a million edges. */
const MAX_AFTER = 32;

/** What is known of the order of things in one scope: the program's own, or a branch's. */
export class Flow {
  /** What the operations that begin now come after. */
  #after: readonly string[];
  #answered: string[] = [];
  /** Groups of this scope that may still be on. */
  readonly groups = new Set<TreeNode>();

  constructor(after: readonly string[]) {
    this.#after = after;
  }

  answer(path: string): void {
    this.#answered.push(path);
    if (this.#answered.length > MAX_AFTER) this.#answered.shift();
  }

  /** What an operation that begins now comes after. */
  begin(): readonly string[] {
    for (const group of this.groups) {
      if (group.open > 0) continue;
      this.groups.delete(group);
      this.answer(group.path);
    }
    if (this.#answered.length > 0) {
      this.#after = this.#answered;
      this.#answered = [];
    }
    return this.#after;
  }
}

export function isOpen(status: NodeStatus): boolean {
  return status === "pending" || status === "running" || status === "waiting";
}

/** A node while its run goes on. */
export class TreeNode {
  readonly path: string;
  readonly parent: TreeNode | undefined;
  readonly after: readonly string[];
  kind: NodeKind;
  attempts = 0;
  startedAtMs: number | undefined;
  endedAtMs: number | undefined;
  /** Of the records with which it began and ended, and of the signal that answered it: for rollbacks. */
  startedSeq = 0;
  endedSeq = 0;
  letterSeq: number | undefined;
  error: RunNode["error"];
  waitsFor: NodeWait | undefined;
  childRunId: string | undefined;
  /** Operations anywhere below that have no answer yet, and how many of these wait. */
  open = 0;
  waiting = 0;
  /** What is right below and changed last. */
  latest: TreeNode | undefined;
  sawFailure = false;
  /** An error that came of it ended the run. */
  endedRun = false;
  // Only what holds others has them: of operations there are many.
  #children: Set<TreeNode> | undefined;
  #flow: Flow | undefined;
  #status: NodeStatus | undefined;

  constructor(options: {
    readonly path: string;
    readonly kind: NodeKind;
    readonly parent: TreeNode | undefined;
    readonly after: readonly string[];
  }) {
    this.path = options.path;
    this.kind = options.kind;
    this.parent = options.parent;
    this.after = options.after;
    if (this.parent === undefined) return;
    this.parent.#children ??= new Set();
    this.parent.#children.add(this);
  }

  get flow(): Flow {
    this.#flow ??= new Flow([this.path]);
    return this.#flow;
  }

  /** Whether no node right below is kept. */
  get isEmpty(): boolean {
    return this.#children === undefined || this.#children.size === 0;
  }

  /** It is kept no more. */
  leave(): void {
    if (this.parent !== undefined) this.parent.#children?.delete(this);
  }

  get isStructure(): boolean {
    return this.kind === "group" || this.kind === "branch" || this.kind === "wait_any";
  }

  get status(): NodeStatus {
    if (!this.isStructure) return this.#status ?? "running";
    if (this.open > 0) return this.waiting === this.open ? "waiting" : "running";
    if (this.endedRun) return "failed";
    // That the waiting is over was said; of other groups it is only seen.
    if (this.kind === "wait_any" && this.#status !== undefined) return this.#status;
    if (this.kind === "branch") return this.latest?.status ?? this.#status ?? "completed";
    if (this.fails) return "failed";
    const statuses = [...(this.#children ?? [])].map(({ status }) => status);
    const same = statuses[0];
    return same !== undefined && statuses.every((status) => status === same) ? same : "completed";
  }

  /** Whether an error is the last that came of it, whatever else is still on in it. */
  get fails(): boolean {
    if (!this.isStructure) return this.#status === "failed";
    if (!this.sawFailure || this.kind === "wait_any") return false;
    if (this.kind === "branch") return this.latest?.fails ?? false;
    return [...(this.#children ?? [])].some(({ fails }) => fails);
  }

  /** Says how it is now, to those that it is in as well. */
  become(status: NodeStatus): void {
    const before = this.#status;
    this.#status = status;
    if (this.isStructure) return;
    const open = Number(isOpen(status)) - Number(before !== undefined && isOpen(before));
    const waiting = Number(status === "waiting") - Number(before === "waiting");
    let child: TreeNode = this;
    for (let at = this.parent; at !== undefined; at = at.parent) {
      at.open += open;
      at.waiting += waiting;
      at.latest = child;
      if (status === "failed") at.sawFailure = true;
      if (open < 0) at.endedAtMs = this.endedAtMs;
      child = at;
    }
  }

  isIn(other: TreeNode): boolean {
    for (let at = this.parent; at !== undefined; at = at.parent) if (at === other) return true;
    return false;
  }

  /** For those outside. */
  view(): RunNode {
    const { path, kind, status, attempts, startedAtMs, endedAtMs, error, waitsFor, childRunId } = this;
    const ended = isOpen(status) ? undefined : endedAtMs;
    return {
      path,
      kind,
      ...(this.parent !== undefined && { parent: this.parent.path }),
      status,
      attempts,
      ...(startedAtMs !== undefined && { startedAtMs }),
      ...(ended !== undefined && { endedAtMs: ended }),
      ...(error !== undefined && { error }),
      ...(waitsFor !== undefined && isOpen(status) && { waitsFor }),
      ...(childRunId !== undefined && { childRunId }),
    };
  }
}
