/** Agents that work on a repository: their messages, who does what, and the flows that they work in. */
export type { Agent, AgentHost, AgentModel, TaskOf } from "./agent.ts";
export { createBuiltInAgents } from "./built-in.ts";
export { type CodeCall, CodeThreads } from "./code/code-threads.ts";
export type { Lessons, NewLesson, RecalledLesson } from "./memory/lessons.ts";
export type { Retrieve, Retrieved } from "./memory/retrieve.ts";
export { Artifact, Severity, TestStatus } from "./messages/artifact.ts";
export { Delta, Diff } from "./messages/diff.ts";
export { messageSchemas } from "./messages/json-schema.ts";
export { changes, errorOf, isAgentError, resultOf, summary } from "./messages/make-message.ts";
export { parseMessage } from "./messages/parse-message.ts";
export { AgentName, PROTOCOL_VERSION, RepositoryPath, TaskId, TaskType } from "./messages/parts.ts";
export { AgentError, AgentOutcome, AgentResult } from "./messages/result.ts";
export { AgentTask, NewTask } from "./messages/task.ts";
export type { ApplyReport } from "./workbench/apply-diff.ts";
export { makeDiff, type TextChange } from "./workbench/make-diff.ts";
export { RepositorySource, type RepositoryTree } from "./workbench/repository-tree.ts";
export { Workbench, type WorkbenchParts, type WorkbenchSpec } from "./workbench/workbench.ts";
