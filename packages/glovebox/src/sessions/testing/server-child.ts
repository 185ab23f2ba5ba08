/** A server process for tests that kill it: does what its plan says, prints what it was given back, and waits. */
import { text } from "node:stream/consumers";
import type { ExecutionInput, SessionInput } from "../../core/index.ts";
import { AgentProcess } from "../../sandbox/agent/agent-process.ts";
import { openStage, type Stage, TENANT } from "./stage.ts";

export interface ChildPlan {
  readonly dir: string;
  readonly session: SessionInput;
  /** Run to their end, one after the other. */
  readonly before: readonly ExecutionInput[];
  /** Only started. */
  readonly started: readonly ExecutionInput[];
  /** Once such a program or kernel works for a started one that waited, nothing more of that one reaches the disk, as if the server died there. */
  readonly mute?: "program" | "kernel";
  /** No kernel is sent a request any more, once the first was started. */
  readonly unsent?: boolean;
  /** Nothing is given to a stdin, as if the server died before. */
  readonly unfed?: boolean;
}

export interface ChildAnswer {
  readonly sessionId: string;
  readonly executionIds: readonly string[];
}

function sendNoMore(ids: readonly string[]): void {
  const send = AgentProcess.prototype.writeControl;
  AgentProcess.prototype.writeControl = function (...data) {
    return ids.length > 0 ? new Promise(() => {}) : send.apply(this, data);
  };
}

function feedNothing(): void {
  AgentProcess.prototype.write = () => new Promise(() => {});
  AgentProcess.prototype.closeStdin = () => new Promise(() => {});
}

function mute({ store }: Stage, kind: "program" | "kernel", ids: readonly string[]): void {
  const append = store.events.append.bind(store.events);
  const muted = new Set<string>();
  store.events.append = (stream, events, state) => {
    const process = (state as { process?: { kind?: string } } | undefined)?.process;
    if (process?.kind === kind && stream.kind === "execution" && ids.length > 0 && stream.id !== ids[0])
      muted.add(stream.id);
    return muted.has(stream.id) ? new Promise(() => {}) : append(stream, events, state);
  };
}

if (import.meta.main) {
  const plan = JSON.parse(await text(process.stdin)) as ChildPlan;
  const stage = await openStage({ dir: plan.dir });
  await stage.services.recover();
  const sessionId = await stage.session(plan.session);
  for (const input of plan.before) await stage.run(sessionId, input);
  const executionIds: string[] = [];
  if (plan.unfed === true) feedNothing();
  if (plan.unsent === true) sendNoMore(executionIds);
  if (plan.mute !== undefined) mute(stage, plan.mute, executionIds);
  for (const input of plan.started) {
    const { execution } = await stage.services.executions.start(TENANT, sessionId, input);
    executionIds.push(execution.id);
  }
  const answer: ChildAnswer = { sessionId, executionIds };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  setInterval(() => {}, 1_000);
}
