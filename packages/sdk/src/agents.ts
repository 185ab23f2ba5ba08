import { idempotencyKey } from "./idempotency.ts";
import { type ServeOptions, serveAgent, type TaskWork } from "./serve-agent.ts";
import type { Tasks } from "./tasks.ts";
import type { Transport } from "./transport.ts";
import type { AgentInfo, AgentRegistration, AgentRun, AgentRunInput } from "./types/agent.ts";
import type { CallOptions, CreateOptions } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

/** Who works on repositories: the agents of the house, and those that register from outside. */
export class Agents {
  readonly #transport: Transport;
  readonly #tasks: Tasks;

  constructor(transport: Transport, tasks: Tasks) {
    this.#transport = transport;
    this.#tasks = tasks;
  }

  /** By name. */
  async list(options: CallOptions = {}): Promise<{ readonly items: readonly AgentInfo[] }> {
    return this.#transport.json({ method: "GET", path: urlPath("agents"), signal: options.signal });
  }

  /** The messages of agents as JSON Schema, by name. */
  async schemas(options: CallOptions = {}): Promise<Readonly<Record<string, Readonly<Record<string, unknown>>>>> {
    return this.#transport.json({ method: "GET", path: urlPath("agents", "schemas"), signal: options.signal });
  }

  async get(name: string, options: CallOptions = {}): Promise<AgentInfo> {
    return this.#transport.json({ method: "GET", path: urlPath("agents", name), signal: options.signal });
  }

  /** Makes an outside agent known, or changes it. Errors: `already_exists` when the name is a built-in agent's or was registered with another token. */
  async register(registration: AgentRegistration, options: CallOptions = {}): Promise<AgentInfo> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("agents"),
      body: registration,
      repeatable: true,
      signal: options.signal,
    });
  }

  /** Says that it is there. {@link Agents.serve} does so by itself. */
  async heartbeat(name: string, options: CallOptions = {}): Promise<AgentInfo> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("agents", name, "heartbeat"),
      repeatable: true,
      signal: options.signal,
    });
  }

  /** What was queued for it goes to others. Errors: `permission_denied` for another token's. */
  async remove(name: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json<void>({ method: "DELETE", path: urlPath("agents", name), signal: options.signal });
  }

  /** Has an agent, or `any` that does its type, do one task in a run of its own: `wait` answers when it is done; `runs.follow` streams its journal. */
  async run(
    name: string,
    input: AgentRunInput,
    options: CreateOptions & { readonly wait?: boolean | undefined } = {},
  ): Promise<AgentRun> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("agents", name, "tasks"),
      body: options.wait === true ? { ...input, wait: true } : input,
      idempotencyKey: idempotencyKey(options),
      signal: options.signal,
    });
  }

  /**
   * Is an outside agent until the signal aborts: registers, takes tasks, holds on to each while `work` does it, and answers with what it gives or throws. See
   * {@link ServeOptions}. Errors: those of `register`; `not_found` when it was removed meanwhile.
   */
  async serve(registration: AgentRegistration, work: TaskWork, options: ServeOptions = {}): Promise<void> {
    await serveAgent({ agents: this, tasks: this.#tasks }, registration, work, options);
  }
}
