import {
  type AgentAnswer,
  type AgentService,
  applyToWorkspace,
  type FlowService,
  isAgentError,
  MADE_BY_OTHERS,
  workspaceArchive,
} from "../agents/index.ts";
import type { ProjectRun, ProjectServices, ProjectStart } from "../chat/index.ts";
import type { ContextStore } from "../context/index.ts";
import { type Budget, GloveboxError, isGloveboxError, type Run } from "../core/index.ts";
import type { DurableEngine } from "../engine/index.ts";

/** Of an artifact of an agent, characters. */
const MAX_ARTIFACT = 4_000;
const MAX_ARTIFACTS = 50;
/** Of a piece of a document, characters. */
const MAX_PIECE = 4_000;
/** There is Python and Node in it, as where flows work. */
const TEMPLATE = "ci";
const TASK_PROGRAM = "agents.task";

interface Parts {
  readonly context: ContextStore;
  readonly engine: DurableEngine;
  readonly flows: FlowService;
  readonly agents: AgentService;
}

/** What conversations reach beside their sandbox: the context store, and flows and agents on copies of their workspaces. */
export function createProject({ context, engine, flows, agents }: Parts): ProjectServices {
  /** The workspace as it is now, kept as an upload. */
  const copyOf = async ({ files, signal }: ProjectStart) => {
    const { sha256 } = await flows.upload(workspaceArchive(files, signal), signal);
    const include: string[] = [];
    for (const name of MADE_BY_OTHERS) {
      const found = await files.stat(name, { within: "workspace", signal }).catch(() => undefined);
      if (found?.kind === "dir") include.push(name);
    }
    return { kind: "archive" as const, sha256, include };
  };
  return {
    search: async (tenantId, { query, filter, k }, signal) => {
      const { hits } = await context.search(tenantId, { query, k, ...(filter !== undefined && { filter }) }, signal);
      return hits.map(({ id, path = id, kind, lines, chunk }) => {
        return { path, kind, lines: { ...lines }, text: chunk.slice(0, MAX_PIECE) };
      });
    },
    startFlow: async (tenantId, { flow, input }, start) => {
      const { repository } = flows.get(flow);
      const setup = repository ? { repository: await copyOf(start) } : {};
      const { idempotencyKey, budget } = start;
      return (await flows.start(tenantId, { flow, input, setup, budget }, { idempotencyKey })).id;
    },
    flowRun: async (tenantId, runId) => {
      const [view, run] = [await flows.run(tenantId, runId), await engine.get(tenantId, runId)];
      return {
        ...stateOf(run),
        isFailed: view.status === "failed" || view.status === "cancelled",
        text: flowText(view),
      };
    },
    startTask: async (tenantId, { agent, type, payload }, start) => {
      const repository = await copyOf(start);
      const { wallMs: timeoutMs, ...counted } = start.budget;
      const constraints = { ...(timeoutMs !== undefined && { timeoutMs }), ...limited(counted) };
      const task = { payload: { ...payload } as never, repository, template: TEMPLATE, constraints };
      const asked = { ...task, ...(type !== undefined && { type: type as never }) };
      return agents.run(tenantId, agent, asked, start.idempotencyKey);
    },
    taskRun: async (tenantId, runId) => {
      const run = await engine.get(tenantId, runId);
      if (run.program !== TASK_PROGRAM) throw new GloveboxError("not_found", `no run of an agent's task ${runId}`);
      if (run.status !== "completed") return { ...stateOf(run), text: run.error?.message ?? "" };
      const answer = await agents.answer(tenantId, runId, AbortSignal.timeout(60_000));
      return { ...stateOf(run), isFailed: isAgentError(answer), text: answerText(answer) };
    },
    applyFlow: async (tenantId, runId, { files, signal }) => {
      const { status, diff, changes } = await flows.run(tenantId, runId);
      if (status !== "completed" && status !== "failed") {
        throw new GloveboxError("conflict", `the flow is ${status}: it has not ended by itself`);
      }
      if (diff === "") return [];
      const results = new Map(changes.map(({ path, content }) => [path, content === null ? null : decoded(content)]));
      return applyToWorkspace(files, { diff, results, signal });
    },
    cancel: async (tenantId, runId, reason) => {
      await engine.cancel(tenantId, runId, reason).catch((error: unknown) => {
        if (!isGloveboxError(error, "conflict")) throw error;
      });
    },
  };
}

function limited(budget: Budget): { readonly budget?: Budget } {
  return Object.keys(budget).length === 0 ? {} : { budget };
}

function stateOf(run: Run): Omit<ProjectRun, "text"> {
  const { id: runId, status, usage } = run;
  const isOver = status === "completed" || status === "failed" || status === "cancelled";
  return { runId, status, isOver, isFailed: isOver && status !== "completed", usage };
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}

function flowText(view: Awaited<ReturnType<FlowService["run"]>>): string {
  const { runId, status, reason, steps, tests, suspects = [], questions, diff, output } = view;
  const parts = [
    `the flow is ${status}${reason === undefined ? "" : `: ${reason}`}`,
    ...questions.map(
      ({ id, text }) => `it asks a person (${id}): ${text}\nPeople answer: glovebox flow answer ${runId}`,
    ),
    ...steps.map(({ id, status: state, summary }) => `- ${id}: ${state}, ${summary}`),
    ...(tests === null ? [] : [`tests: ${tests.status}, ${tests.passed} passed, ${tests.failed} failed`]),
    ...(tests?.failing.slice(0, 20).map((name) => `- failing: ${name}`) ?? []),
    ...suspects.slice(0, 10).map(({ path, line, score }) => `- suspect: ${path}:${line} (${score.toFixed(2)})`),
    ...(output === undefined ? [] : [`output: ${JSON.stringify(output).slice(0, MAX_ARTIFACT)}`]),
    ...(diff === "" ? [] : [`diff (apply_flow_run puts it into your workspace):\n${diff}`]),
  ];
  return parts.join("\n");
}

function answerText(answer: AgentAnswer): string {
  if (isAgentError(answer)) return `${answer.agent} could not: ${answer.error.code}: ${answer.error.message}`;
  const { delta, artifacts, newTasks } = answer.payload;
  const said = delta.kind === "diff" ? delta.diff.text : delta.kind === "summary" ? delta.text : delta.content;
  const shown = artifacts.slice(0, MAX_ARTIFACTS).map((artifact) => JSON.stringify(artifact).slice(0, MAX_ARTIFACT));
  const left = artifacts.length - shown.length;
  return [
    `${answer.agent}: ${said}`,
    ...shown,
    ...(left === 0 ? [] : [`${left} more are left out`]),
    ...newTasks.map(({ agent = "anybody", type }) => `it proposes a task for ${agent}: ${type}`),
  ].join("\n");
}
