import { listOf } from "./pages.ts";
import type { Transport } from "./transport.ts";
import type {
  AgentFailure,
  AgentOutcome,
  QueuedTask,
  QueuedTaskFilter,
  TaskLease,
  TaskMetrics,
} from "./types/agent.ts";
import type { CallOptions, Page } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

/** Tasks for outside agents. What speaks of one needs its lease: `conflict` once that is over, `not_found` when nobody waits for the task any more. */
export class Tasks {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(filter: QueuedTaskFilter = {}, options: CallOptions = {}): Promise<Page<QueuedTask>> {
    const query = { ...filter, state: listOf(filter.state) };
    return this.#transport.json({ method: "GET", path: urlPath("tasks"), query, signal: options.signal });
  }

  async get(id: string, options: CallOptions = {}): Promise<QueuedTask> {
    return this.#transport.json({ method: "GET", path: urlPath("tasks", id), signal: options.signal });
  }

  /** The next task for an agent, or nothing within `waitMs` (default 0, at most 60,000). It is the agent's for `leaseMs` (default 60,000). */
  async lease(
    agent: string,
    request: { readonly waitMs?: number | undefined; readonly leaseMs?: number | undefined } = {},
    options: CallOptions = {},
  ): Promise<TaskLease | undefined> {
    const { lease } = await this.#transport.json<{ readonly lease?: TaskLease }>({
      method: "POST",
      path: urlPath("tasks", "lease"),
      body: { agent, ...request },
      signal: options.signal,
    });
    return lease;
  }

  /** Keeps it for `leaseMs` from now on. */
  async extend({ id, leaseId }: Pick<TaskLease, "id" | "leaseId">, leaseMs?: number, options: CallOptions = {}) {
    return this.#post(id, "extend", { leaseId, ...(leaseMs !== undefined && { leaseMs }) }, options);
  }

  async complete(
    { id, leaseId }: Pick<TaskLease, "id" | "leaseId">,
    payload: AgentOutcome,
    options: CallOptions & { readonly metrics?: Partial<TaskMetrics> | undefined } = {},
  ): Promise<QueuedTask> {
    const { metrics } = options;
    return this.#post(id, "complete", { leaseId, payload, ...(metrics !== undefined && { metrics }) }, options);
  }

  async fail(
    { id, leaseId }: Pick<TaskLease, "id" | "leaseId">,
    error: AgentFailure,
    options: CallOptions = {},
  ): Promise<QueuedTask> {
    return this.#post(id, "fail", { leaseId, error }, options);
  }

  #post(id: string, what: string, body: unknown, { signal }: CallOptions): Promise<QueuedTask> {
    return this.#transport.json<QueuedTask>({ method: "POST", path: urlPath("tasks", id, what), body, signal });
  }
}
