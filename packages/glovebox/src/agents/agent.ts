import type { ZodType } from "zod";
import type { ProgramContext } from "../engine/index.ts";
import type { ModelProvider } from "../models/index.ts";
import type { RunDocuments } from "../runs/index.ts";
import type { CodeThreads } from "./code/code-threads.ts";
import type { Baselines } from "./memory/baselines.ts";
import type { Lessons } from "./memory/lessons.ts";
import type { Retrieve } from "./memory/retrieve.ts";
import type { TaskType } from "./messages/parts.ts";
import type { AgentOutcome } from "./messages/result.ts";
import type { AgentTask } from "./messages/task.ts";
import type { Workbench } from "./workbench/workbench.ts";

/** The model that agents ask, through `askModel` at temperature 0. */
export interface AgentModel {
  readonly provider: ModelProvider;
  /** As the provider names it. */
  readonly model: string;
  readonly seed: number;
}

/** What agents work with, in the context of one program. They wait for nothing that does not come from its journaled answers. */
export interface AgentHost {
  readonly run: ProgramContext;
  /** The repository. Agents that need one refuse with `invalid_argument` where there is none. */
  readonly bench?: Workbench;
  readonly model?: AgentModel;
  readonly code: CodeThreads;
  readonly retrieve?: Retrieve;
  readonly lessons?: Lessons;
  readonly baselines?: Baselines;
  /** To write into the context store, and to read what was written. */
  readonly documents?: RunDocuments;
}

/** The task as an agent gets it: its payload has been read with the agent's schema. */
export type TaskOf<P> = Omit<AgentTask, "payload"> & { readonly payload: P };

export interface Agent<P = unknown> {
  readonly name: string;
  readonly capabilities: readonly TaskType[];
  /** For people, one line. */
  readonly description: string;
  readonly payload: ZodType<P>;
  /** What goes wrong is thrown, as a `GloveboxError`; tests that fail are a result. Gives the same for the same task, repository and answers. */
  work(host: AgentHost, task: TaskOf<P>): Promise<AgentOutcome>;
}
