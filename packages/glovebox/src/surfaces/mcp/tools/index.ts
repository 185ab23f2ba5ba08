import type { Tool } from "../tool.ts";
import { listAgents, runAgent } from "./agents.ts";
import { searchContext } from "./context.ts";
import { runCode, runCommand } from "./execution.ts";
import { extractCode } from "./extract.ts";
import { listFiles, readFile, writeFile } from "./files.ts";
import { answerFlow, getFlowRun, listFlows, runFlow } from "./flows.ts";
import { getRun, startRun } from "./runs.ts";
import { createSession, forkSession, rollBack, takeSnapshot } from "./sessions.ts";
import { getWorkflowRun, runWorkflow } from "./workflows.ts";

/** The one table of tools. */
export const TOOLS: readonly Tool[] = [
  ...[runCode, runCommand],
  ...[readFile, writeFile, listFiles],
  ...[createSession, forkSession, takeSnapshot, rollBack],
  ...[startRun, getRun],
  ...[runWorkflow, getWorkflowRun],
  ...[listFlows, runFlow, getFlowRun, answerFlow],
  ...[listAgents, runAgent],
  searchContext,
  extractCode,
];
