import { Letters } from "./letters.ts";
import type { NodeKind, NodeStatus, NodeWait, RunGraph } from "./run-graph.ts";
import { SpareNodes } from "./spare-nodes.ts";
import { Flow, isOpen, TreeNode } from "./tree-node.ts";
import { errorOf, fieldOf, numberOf, type TreeRecord, textOf } from "./tree-record.ts";

const MAX_NODES = 5000;
/** An engine writes none longer: what has one was not written by an engine. */
const MAX_PATH = 1000;

/** Answered at once: their one record is that of their end. */
const AT_ONCE: ReadonlySet<string> = new Set(["now", "random", "uuid", "budget", "note", "wait_any"]);
const KINDS: ReadonlySet<string> = new Set([...AT_ONCE, "step", "compensation", "sleep", "wait", "child"]);

/**
 * A run as a tree, made from its journal record by record: the same for the whole journal at once and for one that is followed. In bounded memory: beyond
 * `maxNodes` (default 5,000) what completed first is left out. A branch that was ended because another one failed has no record of that: it shows as
 * cancelled once its run goes on behind it.
 */
export class RunTree {
  readonly #maxNodes: number;
  readonly #nodes = new Map<string, TreeNode>();
  readonly #open = new Set<TreeNode>();
  readonly #spare = new SpareNodes();
  readonly #top = new Flow([]);
  readonly #letters = new Letters();
  #omitted = 0;

  constructor(options: { readonly maxNodes?: number } = {}) {
    this.#maxNodes = options.maxNodes ?? MAX_NODES;
  }

  /** Records must come in order; facts, and types that are not known here, change nothing. */
  take(record: TreeRecord): void {
    switch (record.type) {
      case "step.started":
        this.#started(record);
        break;
      case "signal.waiting":
        this.#waits(record);
        break;
      case "step.retried":
        this.#retried(record);
        break;
      case "step.completed":
      case "step.failed":
        this.#answered(record);
        break;
      case "signal.received":
        this.#received(record);
        break;
      case "run.resumed":
        this.#resumed();
        break;
      case "rollback":
        this.#rolledBack(record);
        break;
      case "run.failed":
        this.#drop(this.#open, record);
        this.#blame(record);
        break;
      case "budget.exceeded":
      case "run.completed":
      case "run.cancelled":
        this.#drop(this.#open, record);
        break;
      default:
    }
  }

  graph(): RunGraph {
    const nodes = [...this.#nodes.values()].map((node) => node.view());
    const statuses = new Map(nodes.map(({ path, status }) => [path, status]));
    // What goes on behind a rollback does not come after what it made void.
    const leads = (from: string, to: string) =>
      statuses.has(from) && (statuses.get(from) !== "void" || statuses.get(to) === "void");
    const edges = [...this.#nodes.values()].flatMap(({ after, path: to }) =>
      after.filter((from) => leads(from, to)).map((from) => ({ from, to })),
    );
    return { nodes, edges, omitted: this.#omitted };
  }

  #started(record: TreeRecord): void {
    const said = kindOf(record) ?? "step";
    const kind = AT_ONCE.has(said) ? "step" : said;
    const node = this.#begin(record, kind);
    if (node === undefined) return;
    node.attempts = record.attempt ?? node.attempts;
    const untilMs = numberOf(record.payload, "dueMs");
    if (kind === "sleep") this.#set(node, "waiting", { kind: "timer", ...(untilMs !== undefined && { untilMs }) });
    else if (kind === "child") {
      node.childRunId = textOf(record.payload, "childId");
      this.#set(node, "waiting", { kind: "child" });
    } else this.#set(node, "running");
  }

  #waits(record: TreeRecord): void {
    const node = this.#begin(record, "wait");
    if (node === undefined) return;
    const name = textOf(record.payload, "signal") ?? "";
    const untilMs = numberOf(record.payload, "dueMs");
    const kind = fieldOf(record.payload, "approval") === true ? "approval" : "signal";
    this.#set(node, "waiting", { kind, name, ...(untilMs !== undefined && { untilMs }) });
    const letter = this.#letters.wait(name, node);
    if (letter !== undefined) this.#take(node, letter, record);
  }

  #take(node: TreeNode, letter: number, record: TreeRecord): void {
    node.letterSeq = letter;
    this.#settle(node, "completed", record);
  }

  #received(record: TreeRecord): void {
    const name = textOf(record.payload, "signal") ?? "";
    // The engine's own: everything under way ends.
    const isEnd = name === "$cancel" || name === "$deadline";
    if (isEnd) this.#drop(this.#open, record);
    const node = isEnd ? undefined : this.#letters.receive(name, record.seq);
    if (node !== undefined) this.#take(node, record.seq, record);
  }

  #retried(record: TreeRecord): void {
    const node = this.#nodes.get(record.step ?? "");
    if (node === undefined) return;
    node.error = errorOf(record.payload);
    const untilMs = numberOf(record.payload, "dueMs");
    this.#set(node, "waiting", { kind: "retry", ...(untilMs !== undefined && { untilMs }) });
  }

  #answered(record: TreeRecord): void {
    const kind = kindOf(record);
    const known = this.#nodes.get(record.step ?? "");
    const isBegun = known !== undefined && known.status !== "void";
    // What began and is not known was left out.
    if (!isBegun && kind !== undefined && !AT_ONCE.has(kind) && record.type === "step.completed") return;
    const node = isBegun && !known.isStructure ? known : this.#begin(record, kind ?? "step");
    if (node === undefined) return;
    if (kind === "wait_any") this.#drop(this.#openIn(node), record);
    const hasFailed = record.type === "step.failed" || fieldOf(record.payload, "timedOut") === true;
    node.error = hasFailed
      ? (errorOf(record.payload) ?? { code: "timeout", message: "no signal came in time" })
      : undefined;
    this.#settle(node, hasFailed ? "failed" : "completed", record);
  }

  /** Work that was under way ended with the process; waiting goes on as it was. */
  #resumed(): void {
    for (const node of this.#open) if (node.status === "running") this.#set(node, "pending");
  }

  /** What a program undoes or tidies up hides which branch the error came from that ended it; the error itself tells. */
  #blame(record: TreeRecord): void {
    const error = errorOf(record.payload);
    const source = [...this.#nodes.values()].findLast(
      (node) => node.status === "failed" && node.error?.code === error?.code && node.error?.message === error?.message,
    );
    for (let at = source?.parent; at !== undefined; at = at.parent) at.endedRun = true;
  }

  /** What is behind `toSeq` counts no more. */
  #rolledBack(record: TreeRecord): void {
    const toSeq = numberOf(record.payload, "toSeq");
    if (toSeq === undefined) return;
    const fromSeq = toSeq + 1;
    this.#letters.void(fromSeq);
    const operations = [...this.#nodes.values()].filter(({ isStructure, status }) => !isStructure && status !== "void");
    for (const node of this.#nodes.values()) {
      node.endedRun = false;
      if (node.kind === "wait_any" && node.endedSeq >= fromSeq) node.kind = "group";
    }
    for (const node of operations) {
      const isVoid = node.startedSeq >= fromSeq;
      if (!isVoid && (isOpen(node.status) || node.endedSeq < fromSeq)) continue;
      const { letterSeq } = node;
      node.letterSeq = undefined;
      const name = node.waitsFor?.name;
      if (name !== undefined && letterSeq !== undefined && letterSeq < fromSeq) this.#letters.giveBack(name, letterSeq);
      if (isVoid) this.#settle(node, "void", record);
      else this.#reopen(node);
    }
  }

  /** It had begun before what counts no more answered it. */
  #reopen(node: TreeNode): void {
    const wait = node.waitsFor;
    node.error = undefined;
    this.#set(node, wait === undefined || wait.kind === "retry" ? "pending" : "waiting", wait);
    if (wait?.name === undefined) return;
    const letter = this.#letters.wait(wait.name, node);
    if (letter !== undefined) {
      node.letterSeq = letter;
      this.#set(node, "completed", wait);
    }
  }

  /** Nobody wants their answers any more. */
  #drop(nodes: Iterable<TreeNode>, record: TreeRecord): void {
    for (const node of [...nodes]) this.#settle(node, "cancelled", record);
  }

  #openIn(group: TreeNode): TreeNode[] {
    return group.open === 0 ? [] : [...this.#open].filter((node) => node.isIn(group));
  }

  #settle(node: TreeNode, status: NodeStatus, record: TreeRecord): void {
    node.endedSeq = record.seq;
    if (status !== "void" || isOpen(node.status)) node.endedAtMs = timeOf(record);
    this.#set(node, status, node.waitsFor);
    if (status !== "void") (node.parent?.flow ?? this.#top).answer(node.path);
  }

  #set(node: TreeNode, status: NodeStatus, waitsFor?: NodeWait): void {
    const name = node.waitsFor?.name;
    if (name !== undefined && !isOpen(status)) this.#letters.forget(name, node);
    node.waitsFor = waitsFor;
    node.become(status);
    if (isOpen(status)) {
      this.#open.add(node);
      return;
    }
    this.#open.delete(node);
    this.#spare.add(node);
  }

  /** The node of an operation that begins, or begins once more. */
  #begin(record: TreeRecord, kind: NodeKind): TreeNode | undefined {
    const path = record.step ?? "";
    if (path === "" || path.length > MAX_PATH) return undefined;
    const known = this.#nodes.get(path);
    // No engine lets an operation have the path of a branch.
    if (known !== undefined && known.isStructure !== (kind === "wait_any")) return undefined;
    const isAgain = known !== undefined && !known.isStructure && known.status !== "void";
    const node = isAgain ? known : this.#nodeAt(path, kind, record);
    if (node === undefined) {
      if ((record.attempt ?? 1) <= 1) this.#omitted += 1;
      return undefined;
    }
    if (isAgain && isOpen(node.status)) return node;
    node.kind = kind;
    node.attempts = 0;
    node.startedAtMs = node.isStructure ? (node.startedAtMs ?? timeOf(record)) : timeOf(record);
    node.startedSeq = record.seq;
    node.endedAtMs = undefined;
    node.error = undefined;
    node.letterSeq = undefined;
    return node;
  }

  /** The node at a path, with those that it is in; `undefined` when there is no room for it. What undoes a step is not in the branch of that step. */
  #nodeAt(path: string, kind: NodeKind, record: TreeRecord): TreeNode | undefined {
    const known = this.#nodes.get(path);
    if (known !== undefined) return known;
    const above = kind === "compensation" ? "compensate" : path.slice(0, Math.max(0, path.lastIndexOf("/")));
    let parent: TreeNode | undefined;
    if (above !== "") {
      parent = this.#nodeAt(above, kind === "branch" || kind === "compensation" ? "group" : "branch", record);
      if (parent?.isStructure === false && kind === "compensation") parent = undefined;
      else if (parent?.isStructure !== true) return undefined;
    }
    if (!this.#makeRoom(parent)) return undefined;
    const flow = parent?.flow ?? this.#top;
    // Behind a group of which a branch failed: the failure has ended the other branches.
    for (const group of flow.groups) if (group.open > 0 && group.fails) this.#drop(this.#openIn(group), record);
    const node = new TreeNode({ path, kind, parent, after: flow.begin() });
    node.startedAtMs = timeOf(record);
    this.#nodes.set(path, node);
    if (kind === "group") flow.groups.add(node);
    return node;
  }

  /** Leaves out what completed first, but never what the new one is in. */
  #makeRoom(parent: TreeNode | undefined): boolean {
    while (this.#nodes.size >= this.#maxNodes) {
      const node = this.#spare.take(parent);
      if (node === undefined) return false;
      this.#nodes.delete(node.path);
      if (!node.isStructure) this.#omitted += 1;
      node.leave();
      if (node.parent?.isEmpty === true) this.#spare.add(node.parent);
    }
    return true;
  }
}

function kindOf({ type, payload }: TreeRecord): NodeKind | undefined {
  if (type === "signal.waiting") return "wait";
  const kind = textOf(payload, "kind");
  return kind !== undefined && KINDS.has(kind) ? (kind as NodeKind) : undefined;
}

function timeOf({ ts }: TreeRecord): number | undefined {
  return Number.isFinite(ts) ? ts : undefined;
}
