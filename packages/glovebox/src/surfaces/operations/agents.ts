import { z } from "zod";
import {
  AgentAnswer,
  AgentFailure,
  AgentName,
  AgentOutcome,
  AgentRegistration,
  AgentTask,
  Metrics,
  SingleTask,
} from "../../agents/index.ts";
import { ERROR_CODES } from "../../core/index.ts";
import { Id, IdParams, PageQuery, page, queryList, whole } from "./fields.ts";
import { defineOperations } from "./operation.ts";
import { Run } from "./run-fields.ts";

const AgentParams = z.strictObject({ name: AgentName });
/** An outside agent's own business. */
const OWN = { leftOut: "an outside agent does this by itself: see box.agents.serve" };
const LeaseMs = z.number().int().min(1_000).max(600_000);
const LeaseId = z.string().min(1).max(100);

const AgentInfo = z.strictObject({
  name: z.string(),
  kind: z.enum(["built-in", "outside"]),
  /** Types of tasks that it does. */
  capabilities: z.array(z.string()),
  description: z.string(),
  /** `busy`: it has as many tasks as it does at a time. `down`: no sign of life for 60 s. */
  status: z.enum(["idle", "busy", "down"]),
  /** Tasks that it has and that have not ended. */
  load: z.number().int(),
  /** Of an outside agent: tasks that it does at a time. */
  maxTasks: z.number().int().optional(),
  registeredAt: z.string().optional(),
  lastSeenAt: z.string().optional(),
});

const TaskState = z.enum(["queued", "leased", "completed", "failed", "dead"]);

const QueuedTask = z.strictObject({
  id: z.string(),
  runId: z.string(),
  /** Within its run. */
  taskId: z.string(),
  type: z.string(),
  /** Whom it is for, or who has it; absent: whoever comes first. */
  agent: z.string().optional(),
  /** `failed`: it ended without a result. `dead`: its attempts are used up. */
  state: TaskState,
  createdAt: z.string(),
  deadlineAt: z.string(),
  leaseUntil: z.string().optional(),
  /** Oldest first. */
  attempts: z.array(
    z.strictObject({
      agent: z.string(),
      startedAt: z.string(),
      endedAt: z.string().optional(),
      error: z.strictObject({ code: z.enum(ERROR_CODES), message: z.string() }).optional(),
    }),
  ),
  /** Of a dead one: how it came to that. */
  summary: z.string().optional(),
});

const TaskLease = z.strictObject({
  id: z.string(),
  /** Proves that the task is still the agent's. */
  leaseId: z.string(),
  leaseUntil: z.string(),
  /** From 1. */
  attempt: z.number().int(),
  task: AgentTask,
});

/** Who works on repositories: the agents of the house, and those that register. */
export const agentOperations = defineOperations({
  "agents.list": {
    method: "GET",
    path: "/v1/agents",
    summary:
      "List the agents, built-in and outside, by name, with what they do and whether they are idle, busy or down",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: whole(AgentInfo),
    sdk: "agents.list",
    cli: "agents list",
  },
  "agents.schemas": {
    method: "GET",
    path: "/v1/agents/schemas",
    summary: "Read the messages of agents as JSON Schema",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: z.record(z.string(), z.record(z.string(), z.unknown())),
    sdk: "agents.schemas",
    cli: { leftOut: "for programs that make or check messages" },
  },
  "agents.get": {
    method: "GET",
    path: "/v1/agents/{name}",
    summary: "Read an agent",
    minimumRole: "viewer",
    params: AgentParams,
    answer: "json",
    status: 200,
    response: AgentInfo,
    sdk: "agents.get",
    cli: "agents show",
  },
  "agents.register": {
    method: "POST",
    path: "/v1/agents",
    summary: "Register an outside agent, or change one that was registered with the same token",
    minimumRole: "agent",
    body: AgentRegistration,
    answer: "json",
    status: 201,
    response: AgentInfo,
    sdk: "agents.register",
    cli: OWN,
  },
  "agents.heartbeat": {
    method: "POST",
    path: "/v1/agents/{name}/heartbeat",
    summary: "Say that an outside agent is there; asking for tasks and speaking of them does too",
    minimumRole: "agent",
    params: AgentParams,
    answer: "json",
    status: 200,
    response: AgentInfo,
    audited: false,
    sdk: "agents.heartbeat",
    cli: OWN,
  },
  "agents.remove": {
    method: "DELETE",
    path: "/v1/agents/{name}",
    summary: "Remove an outside agent; what was queued for it goes to others",
    minimumRole: "agent",
    params: AgentParams,
    answer: "none",
    status: 204,
    sdk: "agents.remove",
    cli: "agents remove",
  },
  "agents.run": {
    method: "POST",
    path: "/v1/agents/{name}/tasks",
    summary:
      "Have an agent, or `any` that does its type, do one task in a run of its own; `wait` answers when it is done, the run's journal streams until then",
    minimumRole: "developer",
    params: AgentParams,
    body: SingleTask.extend({ wait: z.boolean().optional() }),
    answer: "json",
    status: 201,
    otherStatuses: { 200: "`wait` was set: the run has ended" },
    response: z.strictObject({ run: Run, answer: AgentAnswer.optional() }),
    idempotent: true,
    sdk: "agents.run",
    cli: "agents run",
  },
});

/** Tasks for outside agents: a queue on disk, from which they take under a lease. */
export const taskOperations = defineOperations({
  "tasks.list": {
    method: "GET",
    path: "/v1/tasks",
    summary: "List the tasks for outside agents, newest first; with `state=dead` those whose attempts are used up",
    minimumRole: "viewer",
    query: z.strictObject({
      ...PageQuery.shape,
      state: queryList(TaskState).optional(),
      agent: AgentName.optional(),
      runId: Id.optional(),
    }),
    answer: "json",
    status: 200,
    response: page(QueuedTask),
    sdk: "tasks.list",
    cli: "agents tasks",
  },
  "tasks.get": {
    method: "GET",
    path: "/v1/tasks/{id}",
    summary: "Read a task for outside agents",
    minimumRole: "viewer",
    params: IdParams,
    answer: "json",
    status: 200,
    response: QueuedTask,
    sdk: "tasks.get",
    cli: { leftOut: "the list tells all of it" },
  },
  "tasks.lease": {
    method: "POST",
    path: "/v1/tasks/lease",
    summary: "Take the next task for an agent; it is the agent's until the lease is over",
    minimumRole: "agent",
    body: z.strictObject({
      /** Registered with the same token. */
      agent: AgentName,
      /** Milliseconds to wait for one. Default 0. */
      waitMs: z.number().int().min(0).max(60_000).optional(),
      /** Default 60,000. */
      leaseMs: LeaseMs.optional(),
    }),
    answer: "json",
    status: 200,
    /** Without `lease` there was nothing to do. */
    response: z.strictObject({ lease: TaskLease.optional() }),
    audited: false,
    sdk: "tasks.lease",
    cli: OWN,
  },
  "tasks.extend": {
    method: "POST",
    path: "/v1/tasks/{id}/extend",
    summary: "Keep a task for longer, from now on",
    minimumRole: "agent",
    params: IdParams,
    body: z.strictObject({ leaseId: LeaseId, leaseMs: LeaseMs.optional() }),
    answer: "json",
    status: 200,
    response: QueuedTask,
    audited: false,
    sdk: "tasks.extend",
    cli: OWN,
  },
  "tasks.complete": {
    method: "POST",
    path: "/v1/tasks/{id}/complete",
    summary: "Say what came of a task; refused once the lease is over",
    minimumRole: "agent",
    params: IdParams,
    body: z.strictObject({ leaseId: LeaseId, payload: AgentOutcome, metrics: Metrics.partial().optional() }),
    answer: "json",
    status: 200,
    response: QueuedTask,
    sdk: "tasks.complete",
    cli: OWN,
  },
  "tasks.fail": {
    method: "POST",
    path: "/v1/tasks/{id}/fail",
    summary: "Say why a task has no result; where another attempt may help, another agent gets it",
    minimumRole: "agent",
    params: IdParams,
    body: z.strictObject({ leaseId: LeaseId, error: AgentFailure }),
    answer: "json",
    status: 200,
    response: QueuedTask,
    sdk: "tasks.fail",
    cli: OWN,
  },
});
