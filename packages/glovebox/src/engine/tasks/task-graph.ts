import { GloveboxError } from "../../core/index.ts";

/** A task and what must be done before it. */
export interface TaskNode<T = unknown> {
  readonly id: string;
  readonly after: readonly string[];
  readonly task: T;
}

/** Bounds what results may propose on top of what was planned. */
export interface GraphLimits {
  /** Tasks in all; default 1,000. */
  readonly total?: number;
  /** Proposals of proposals of …; default 5. */
  readonly depth?: number;
  /** Proposed by one result; default 20. */
  readonly breadth?: number;
}

const LIMITS = { total: 1000, depth: 5, breadth: 20 } as const;

interface Entry<T> {
  readonly node: TaskNode<T>;
  readonly depth: number;
  /** How many tasks it still waits for. */
  missing: number;
}

/** Tasks in the order of their dependencies; among what is ready, in the order in which it was added. */
export class TaskGraph<T = unknown> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #followers = new Map<string, string[]>();
  readonly #done = new Set<string>();
  readonly #limits: Required<GraphLimits>;
  #ready: string[] = [];

  /** `invalid_argument` when an id comes twice, a dependency is unknown, or there is a cycle, which is named; `resource_exhausted` beyond a limit. */
  constructor(nodes: readonly TaskNode<T>[], limits: GraphLimits = {}) {
    this.#limits = { ...LIMITS, ...limits };
    this.#add(nodes, 0);
  }

  get size(): number {
    return this.#entries.size;
  }

  get isDone(): boolean {
    return this.#done.size === this.#entries.size;
  }

  /** Takes out what is ready, in order. */
  takeReady(): readonly TaskNode<T>[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready.map((id) => this.#entry(id).node);
  }

  /** A task is done, and what its result proposes joins the graph: all of it or nothing. A proposal may come after any task that is known. */
  complete(id: string, proposed: readonly TaskNode<T>[] = []): void {
    const { depth } = this.#entry(id);
    const { breadth, depth: maxDepth } = this.#limits;
    if (proposed.length > breadth) throw beyond(`task ${id} proposes ${proposed.length} tasks`, "breadth", breadth);
    if (proposed.length > 0 && depth >= maxDepth)
      throw beyond(`task ${id} is proposed ${depth} deep`, "depth", maxDepth);
    if (this.#done.has(id)) throw new GloveboxError("conflict", `task ${id} is done already`);
    this.#done.add(id);
    try {
      this.#add(proposed, depth + 1);
    } catch (error) {
      this.#done.delete(id);
      throw error;
    }
    for (const follower of this.#followers.get(id) ?? []) {
      const entry = this.#entry(follower);
      entry.missing -= 1;
      if (entry.missing === 0) this.#ready.push(follower);
    }
    this.#followers.delete(id);
  }

  #add(nodes: readonly TaskNode<T>[], depth: number): void {
    const { total } = this.#limits;
    if (this.#entries.size + nodes.length > total) throw beyond("the graph grows", "total", total);
    const added = new Map<string, TaskNode<T>>();
    for (const node of nodes) {
      if (added.has(node.id) || this.#entries.has(node.id))
        throw invalid(`there are two tasks ${node.id}`, { task: node.id });
      added.set(node.id, node);
    }
    for (const { id, after } of nodes) {
      const unknown = after.find((other) => !added.has(other) && !this.#entries.has(other));
      if (unknown !== undefined) throw invalid(`task ${id} comes after ${unknown}, which there is not`, { task: id });
    }
    const cycle = findCycle(added);
    if (cycle !== undefined) throw invalid(`tasks wait for each other: ${cycle.join(" → ")}`, { cycle });
    for (const node of nodes) {
      const waitsFor = [...new Set(node.after)].filter((other) => !this.#done.has(other));
      this.#entries.set(node.id, { node, depth, missing: waitsFor.length });
      for (const other of waitsFor) this.#followers.set(other, [...(this.#followers.get(other) ?? []), node.id]);
      if (waitsFor.length === 0) this.#ready.push(node.id);
    }
  }

  #entry(id: string): Entry<T> {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new GloveboxError("not_found", `no task ${id}`);
    return entry;
  }
}

/** A cycle among new tasks, closed: its first is its last. What was there before cannot come after what is new. */
function findCycle(nodes: ReadonlyMap<string, TaskNode>): string[] | undefined {
  const missing = new Map(
    [...nodes].map(([id, { after }]) => [id, new Set(after.filter((other) => nodes.has(other)))]),
  );
  const ready = [...missing].filter(([, others]) => others.size === 0).map(([id]) => id);
  const followers = new Map<string, string[]>();
  for (const [id, others] of missing) {
    for (const other of others) followers.set(other, [...(followers.get(other) ?? []), id]);
  }
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    missing.delete(id);
    for (const follower of followers.get(id) ?? []) {
      const others = missing.get(follower);
      others?.delete(id);
      if (others?.size === 0) ready.push(follower);
    }
  }
  const [start] = missing.keys();
  if (start === undefined) return undefined;
  // Every task that is left waits for another that is left: following them leads round.
  const path = [start];
  for (;;) {
    const [next] = missing.get(path.at(-1) ?? "") ?? [];
    if (next === undefined) return undefined;
    const at = path.indexOf(next);
    if (at !== -1) return [...path.slice(at), next];
    path.push(next);
  }
}

function invalid(message: string, details: Readonly<Record<string, unknown>>): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details });
}

function beyond(what: string, limit: keyof GraphLimits, max: number): GloveboxError {
  return new GloveboxError("resource_exhausted", `${what} beyond its ${limit} of ${max}`, { details: { limit, max } });
}
