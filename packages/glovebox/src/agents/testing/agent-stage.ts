import { expect } from "vitest";
import { z } from "zod";
import { defineProgram } from "../../engine/index.ts";
import { openRunStage } from "../../runs/testing/run-stage.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import type { Agent, AgentHost, AgentModel, TaskOf } from "../agent.ts";
import { CodeThreads } from "../code/code-threads.ts";
import { AgentOutcome } from "../messages/result.ts";
import type { AgentTask } from "../messages/task.ts";
import { Workbench } from "../workbench/workbench.ts";
import { makeRepository } from "./repository.ts";

/** Agents on real repositories in real sandboxes, one program each time. */
export interface AgentStage extends AsyncDisposable {
  readonly code: CodeThreads;
  /** Opens a repository of these files, has `work` done as a program, and sees to it that its replay is the same. */
  withHost<T>(
    files: Files,
    work: (host: AgentHost & { readonly bench: Workbench }) => Promise<T>,
    options?: StageOptions,
  ): Promise<T>;
}

type Files = Readonly<Record<string, string>>;

interface StageOptions {
  /** Default `python`. */
  readonly template?: string;
  readonly model?: AgentModel;
}

export async function openAgentStage(): Promise<AgentStage> {
  await using opened = new AsyncDisposableStack();
  const stage = opened.use(await openRunStage());
  const code = opened.use(new CodeThreads());
  let counter = 0;
  const withHost: AgentStage["withHost"] = async (files, work, { template = "python", model } = {}) => {
    await using repository = await makeRepository(files);
    counter += 1;
    const program = defineProgram({
      name: `agents-${counter}`,
      version: "1",
      input: z.unknown(),
      output: z.unknown(),
      run: async (run) => {
        const parts = { sandboxes: stage.sandboxes, folders: true, blobs: stage.stage.store.blobs };
        const bench = await Workbench.open(run, parts, { kind: "folder", path: repository.path }, { template });
        return await work({ run, bench, code, ...(model !== undefined && { model }) });
      },
    });
    const id = await stage.start(program, {});
    const result = await stage.engine.result(TENANT, id, AbortSignal.timeout(120_000));
    expect(await stage.engine.replay(TENANT, id)).toMatchObject({ identical: true });
    return result as Awaited<ReturnType<typeof work>>;
  };
  const resources = opened.move();
  return { code, withHost, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** Gives a task to an agent, as the desk does: payload and outcome are what the schemas say. */
export async function workOn<P>(
  agent: Agent<P>,
  host: AgentHost,
  payload: z.input<typeof agent.payload>,
): Promise<AgentOutcome> {
  const [type] = agent.capabilities;
  const task = { type, id: "task-1", runId: host.run.runId, agent: agent.name, payload: agent.payload.parse(payload) };
  const whole = { ...task, constraints: {}, traceId: "trace", protocolVersion: 1 } as Omit<AgentTask, "payload"> & {
    payload: P;
  };
  return AgentOutcome.parse(await agent.work(host, whole as TaskOf<P>));
}
