import { type Clock, GloveboxError, type Principal, ROLE_ORDER, toTimestamp } from "../../core/index.ts";
import type { AgentRecord, Store } from "../../store/index.ts";
import type { Agent } from "../agent.ts";
import type { TaskType } from "../messages/parts.ts";
import type { AgentRegistration } from "./registration.ts";

/** Milliseconds without a sign of life after which an outside agent is down. */
export const HEARTBEAT_MS = 60_000;
/** Outside agents of a tenant. */
const MAX_AGENTS = 1_000;
/** Stands for whoever does tasks of a type. */
export const ANY_AGENT = "any";
/** What `/v1/agents/{name}` means otherwise. */
const RESERVED: ReadonlySet<string> = new Set(["schemas", ANY_AGENT]);

/** An agent as others see it. Times are RFC 3339. */
export interface AgentInfo {
  readonly name: string;
  readonly kind: "built-in" | "outside";
  readonly capabilities: readonly string[];
  readonly description: string;
  /** `busy`: it has as many tasks as it does at a time. `down`: no sign of life for {@link HEARTBEAT_MS}. */
  readonly status: "idle" | "busy" | "down";
  /** Tasks that it has and that have not ended. */
  readonly load: number;
  readonly maxTasks?: number;
  readonly registeredAt?: string;
  readonly lastSeenAt?: string;
}

/** Who is there, who does what, and who of them gets the next task. */
export class AgentDirectory {
  readonly #store: Pick<Store, "agents" | "agentTasks">;
  readonly #clock: Clock;
  readonly #builtIn: ReadonlyMap<string, Agent>;
  readonly #openedMs: number;
  readonly #seenMs = new Map<string, number>();
  readonly #working = new Map<string, Set<string>>();

  constructor(parts: {
    readonly store: Pick<Store, "agents" | "agentTasks">;
    readonly clock: Clock;
    readonly builtIn: readonly Agent[];
  }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#builtIn = new Map(parts.builtIn.map((agent) => [agent.name, agent]));
    if (this.#builtIn.size !== parts.builtIn.length)
      throw new GloveboxError("already_exists", "two agents of one name");
    this.#openedMs = parts.clock.nowMs();
  }

  builtIn(name: string): Agent | undefined {
    return this.#builtIn.get(name);
  }

  /** By name, built-in and outside agents together. */
  async list(tenantId: string): Promise<readonly AgentInfo[]> {
    const load = await this.#store.agentTasks.load(tenantId);
    const outside = (await this.#store.agents.list(tenantId)).map((record) => this.#outsideInfo(record, load));
    const builtIn = [...this.#builtIn.values()].map((agent) => this.#builtInInfo(agent));
    return [...builtIn, ...outside].toSorted(byName);
  }

  /** `not_found` */
  async get(tenantId: string, name: string): Promise<AgentInfo> {
    const agent = this.#builtIn.get(name);
    if (agent !== undefined) return this.#builtInInfo(agent);
    const load = await this.#store.agentTasks.load(tenantId);
    return this.#outsideInfo(await this.record(tenantId, name), load);
  }

  /** `not_found` */
  async record(tenantId: string, name: string): Promise<AgentRecord> {
    const record = await this.#store.agents.get(tenantId, name);
    if (record === undefined) throw new GloveboxError("not_found", `no outside agent ${name}`);
    return record;
  }

  /**
   * Makes an outside agent known, or changes it. Errors: `already_exists` when the name is a built-in agent's or was registered with another token, whom only an
   * operator may take it from; `resource_exhausted`.
   */
  async register(principal: Principal, registration: AgentRegistration): Promise<AgentInfo> {
    const { tenantId, tokenId } = principal;
    const { name, capabilities, description = "", maxTasks = 1 } = registration;
    const known = await this.#store.agents.get(tenantId, name);
    const isOthers = known !== undefined && known.owner !== tokenId && !isOperator(principal);
    if (this.#builtIn.has(name) || RESERVED.has(name) || isOthers) {
      throw new GloveboxError("already_exists", `the name ${name} is taken`);
    }
    const registeredAt = known?.registeredAt ?? toTimestamp(this.#clock.nowMs());
    const record: AgentRecord = {
      ...{ tenantId, name, capabilities: [...new Set<string>(capabilities)].sort(), description, maxTasks },
      ...{ owner: tokenId, registeredAt },
    };
    await this.#store.agents.put(record, { max: MAX_AGENTS });
    this.seen(tenantId, name);
    return this.get(tenantId, name);
  }

  /** Forgets an outside agent. What is queued for it goes to others, unless it was asked for by name. */
  async remove(principal: Principal, name: string): Promise<void> {
    const { tenantId } = await this.speakFor(principal, name);
    await this.#store.agents.delete(tenantId, name);
    await this.#store.agentTasks.release(tenantId, name);
    this.#seenMs.delete(keyOf(tenantId, name));
  }

  /** The agent, if the caller may speak for it: whoever registered it, and operators. `not_found`; `permission_denied`. */
  async speakFor(principal: Principal, name: string): Promise<AgentRecord> {
    const record = await this.record(principal.tenantId, name);
    if (record.owner === principal.tokenId || isOperator(principal)) return record;
    throw new GloveboxError("permission_denied", `${name} was registered with another token`);
  }

  /** A sign of life. */
  seen(tenantId: string, name: string): void {
    this.#seenMs.set(keyOf(tenantId, name), this.#clock.nowMs());
  }

  /** The names of the tenant's outside agents that are down. */
  async down(tenantId: string): Promise<readonly string[]> {
    const records = await this.#store.agents.list(tenantId);
    return records.filter(({ name }) => this.#isDown(tenantId, name)).map(({ name }) => name);
  }

  /**
   * Who does a task of that type: the least loaded that is idle, by load and name. A built-in one is named; `outside`: the queue chooses. Errors: `unavailable`
   * when nobody who is known does such tasks.
   */
  async route(tenantId: string, type: TaskType): Promise<{ readonly builtIn: string } | "outside"> {
    const able = (await this.list(tenantId)).filter(({ capabilities }) => capabilities.includes(type));
    const [first] = able.filter(({ status }) => status === "idle").toSorted(byLoad);
    const chosen = first ?? able[0];
    if (chosen === undefined) throw new GloveboxError("unavailable", `no agent does tasks of type ${type}`);
    return chosen.kind === "built-in" ? { builtIn: chosen.name } : "outside";
  }

  /** The least loaded idle outside agent for that type, other than `except`; absent: whoever comes first. */
  async leastLoaded(tenantId: string, type: string, except?: string): Promise<string | undefined> {
    const idle = (await this.list(tenantId)).filter(
      ({ kind, status, capabilities, name }) =>
        kind === "outside" && status === "idle" && capabilities.includes(type) && name !== except,
    );
    return idle.toSorted(byLoad)[0]?.name;
  }

  /** A built-in agent begins and ends a task; counted for the load alone, since this server started. */
  begins(name: string, runId: string, taskId: string): void {
    const tasks = this.#working.get(name) ?? new Set();
    this.#working.set(name, tasks.add(`${runId}/${taskId}`));
  }

  ends(name: string, runId: string, taskId: string): void {
    this.#working.get(name)?.delete(`${runId}/${taskId}`);
  }

  /** A run ended: whatever it had begun has too. */
  runEnded(runId: string): void {
    for (const tasks of this.#working.values()) {
      for (const task of tasks) if (task.startsWith(`${runId}/`)) tasks.delete(task);
    }
  }

  #builtInInfo({ name, capabilities, description }: Agent): AgentInfo {
    return {
      name,
      kind: "built-in",
      capabilities,
      description,
      status: "idle",
      load: this.#working.get(name)?.size ?? 0,
    };
  }

  #outsideInfo(record: AgentRecord, loads: ReadonlyMap<string, number>): AgentInfo {
    const { tenantId, name, capabilities, description, maxTasks, registeredAt } = record;
    const load = loads.get(name) ?? 0;
    const status = this.#isDown(tenantId, name) ? "down" : load >= maxTasks ? "busy" : "idle";
    const lastSeenAt = toTimestamp(this.#lastSeenMs(tenantId, name));
    return {
      ...{ name, kind: "outside", capabilities, description, status, load, maxTasks, registeredAt, lastSeenAt },
    };
  }

  #isDown(tenantId: string, name: string): boolean {
    return this.#clock.nowMs() - this.#lastSeenMs(tenantId, name) > HEARTBEAT_MS;
  }

  /** After a restart nobody had the chance to be heard of yet. */
  #lastSeenMs(tenantId: string, name: string): number {
    return this.#seenMs.get(keyOf(tenantId, name)) ?? this.#openedMs;
  }
}

function isOperator({ roles }: Principal): boolean {
  return roles.some((role) => ROLE_ORDER.indexOf(role) >= ROLE_ORDER.indexOf("operator"));
}

function keyOf(tenantId: string, name: string): string {
  return `${tenantId}/${name}`;
}

function byName(a: AgentInfo, b: AgentInfo): number {
  return a.name < b.name ? -1 : 1;
}

function byLoad(a: AgentInfo, b: AgentInfo): number {
  return a.load - b.load || byName(a, b);
}
