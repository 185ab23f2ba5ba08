import { type Budget, GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import type { RunDocuments } from "../../runs/index.ts";
import type { AgentHost } from "../agent.ts";
import { withBudget } from "../budget.ts";
import type { Diff } from "../messages/diff.ts";
import { isAgentError } from "../messages/make-message.ts";
import { TASK_TYPES, type TaskType } from "../messages/parts.ts";
import type { AgentOutcome } from "../messages/result.ts";
import { type AgentDesk, hostIn } from "../registry/agent-desk.ts";
import type { Workbench } from "../workbench/workbench.ts";
import type { StepReport } from "./flow-result.ts";
import { askPerson, type FlowAnswer, type FlowQuestion } from "./person.ts";

/** A task for an agent, as flows give it. */
export interface AgentRequest {
  /** Unique in the run. */
  readonly id: string;
  /** An agent's name, or the type of the task: then who does such tasks and has the least to do. */
  readonly agent: string;
  /** Default: what the agent is named by, where that is a type; else its only capability. */
  readonly type?: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly budget?: Budget;
  readonly timeoutMs?: number;
}

/** What the steps of a flow work with, in one context of its program. */
export class FlowScope {
  readonly host: AgentHost;
  /** All that was done so far, in every scope of the flow. */
  readonly reports: StepReport[];
  readonly #desk: AgentDesk;
  readonly #deterministic: boolean;

  constructor(parts: {
    readonly host: AgentHost;
    readonly desk: AgentDesk;
    readonly deterministic: boolean;
    readonly reports?: StepReport[];
  }) {
    this.host = parts.host;
    this.reports = parts.reports ?? [];
    this.#desk = parts.desk;
    this.#deterministic = parts.deterministic;
  }

  get run(): ProgramContext {
    return this.host.run;
  }

  /** `invalid_argument` in a flow that has no repository. */
  get bench(): Workbench {
    const { bench } = this.host;
    if (bench === undefined) throw new GloveboxError("invalid_argument", "this flow has no repository");
    return bench;
  }

  /** The context store: what is written there is taken back with the run. `unavailable` where there is none. */
  get documents(): RunDocuments {
    const { documents } = this.host;
    if (documents === undefined) throw new GloveboxError("unavailable", "flows have no context store here");
    return documents;
  }

  /** The same in a branch of the program. */
  within(run: ProgramContext): FlowScope {
    const { reports } = this;
    return new FlowScope({
      host: hostIn(this.host, run),
      desk: this.#desk,
      deterministic: this.#deterministic,
      reports,
    });
  }

  /** Does a part within a budget of its own. */
  budgeted<T>(budget: Budget | undefined, what: string, work: (scope: FlowScope) => Promise<T>): Promise<T> {
    return withBudget(this.run, budget, what, (run) => work(run === this.run ? this : this.within(run)));
  }

  /** Does a part in a time of its own. Errors: `deadline_exceeded`. */
  async timed<T>(timeoutMs: number | undefined, what: string, work: (scope: FlowScope) => Promise<T>): Promise<T> {
    if (timeoutMs === undefined) return work(this);
    const first = await this.run.waitAny(
      { work: (run) => work(this.within(run)), time: (run) => run.sleep(timeoutMs) },
      { name: `time of ${what}` },
    );
    if (first.key === "work") return first.value as T;
    throw new GloveboxError("deadline_exceeded", `${what} took longer than ${timeoutMs} ms`);
  }

  /** Has an agent do a task. What it failed with is thrown, with the agent's name. */
  async agent({ id, agent, type, payload, budget, timeoutMs }: AgentRequest): Promise<AgentOutcome> {
    const isType = (TASK_TYPES as readonly string[]).includes(agent) || agent.startsWith("x-");
    const constraints = {
      deterministic: this.#deterministic,
      ...(budget !== undefined && { budget }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    };
    const answer = await this.#desk.dispatch(this.host, {
      id,
      type: (type ?? (isType ? agent : this.#desk.typeOf(agent))) as TaskType,
      ...(!isType && { agent }),
      payload: { ...payload },
      constraints,
    });
    if (!isAgentError(answer)) return answer.payload;
    const { code, message, details } = answer.error;
    throw new GloveboxError(code, `${answer.agent}: ${message}`, {
      details: { ...details, agent: answer.agent, task: id },
    });
  }

  /**
   * Applies a diff to the repository, as steps that `id` names; how many files changed. What has changed in all is noted, so that it is known however the run
   * ends. Errors: `conflict`, with the places, when it does not fit; then nothing is changed.
   */
  async apply(id: string, diff: Diff, onDrift: "merge" | "refuse" = "merge"): Promise<number> {
    const report = await this.bench.apply(`apply ${id}`, diff, { onDrift });
    if (report.applied) {
      const { text } = await this.bench.diff(`diff after ${id}`);
      await this.run.note({ flow: { diff: text } });
      return report.files.filter(({ action }) => action !== "unchanged").length;
    }
    const where = report.conflicts.map(({ path, reason }) => `${path}: ${reason}`).join("; ");
    throw new GloveboxError("conflict", `the diff does not apply: ${where}`, {
      details: { conflicts: report.conflicts.map(({ path, reason }) => ({ path, reason })) },
    });
  }

  ask(question: FlowQuestion, timeoutMs?: number): Promise<FlowAnswer> {
    return askPerson(this.run, question, timeoutMs);
  }

  /** Says what was done: it is in the flow's result, and to be seen while the flow goes on. */
  async report(report: StepReport): Promise<void> {
    const told = { ...report, summary: report.summary.slice(0, 4_000) };
    this.reports.push(told);
    await this.run.note({ flow: { step: told } });
  }

  /** Whether an error ends the whole run, or is a budget that is used up, or none of ours: then no step of a flow may make good for it. */
  endsWith(error: unknown): boolean {
    return (
      this.run.signal.aborted ||
      !isGloveboxError(error) ||
      error.code === "cancelled" ||
      error.code === "budget_exceeded"
    );
  }
}
