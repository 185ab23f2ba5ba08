import {
  type Execution,
  GloveboxError,
  newId,
  type StartupFile,
  toGloveboxError,
  toTimestamp,
} from "../../core/index.ts";
import type { SandboxFiles } from "../../sandbox/index.ts";
import { checkInWorkspace } from "../executions/check-in-workspace.ts";
import { executionLimits } from "../executions/execution-limits.ts";
import { ExecutionRun } from "../executions/execution-run.ts";
import { NO_METRICS } from "../executions/execution-service.ts";
import { planFor, WORKSPACE, workspacePath } from "../executions/make-plan.ts";
import { startupLanguage } from "../templates/check-template.ts";
import type { LiveSession } from "./live-session.ts";

/** Code that is evaluated travels in one request. */
const MAX_EVAL_BYTES = 8 * 1_048_576;

/**
 * Runs the template's startup files in order, each as an execution of its own. Errors: `startup_failed` with the execution's id when one throws;
 * `invalid_path` when one leads out of the workspace.
 */
export async function runStartupFiles(session: LiveSession): Promise<void> {
  const { startupFiles } = session.template;
  await placeStartupFiles(session.bench.sandbox.files, startupFiles);
  const ordered = [...startupFiles].sort((a, b) => a.order - b.order);
  for (const file of ordered) await runStartupFile(session, file);
}

/** Writes those that the template carries itself. */
export async function placeStartupFiles(files: SandboxFiles, startupFiles: readonly StartupFile[]): Promise<void> {
  for (const { path, content } of startupFiles) {
    if (content === undefined) continue;
    await files.write(workspacePath(path), Buffer.from(content), { parents: true, within: "workspace" });
  }
}

async function runStartupFile(session: LiveSession, file: StartupFile): Promise<void> {
  const { clock, store } = session.room;
  const path = workspacePath(file.path);
  const source = file.mode === "eval" ? await readSource(session, path) : await checkThere(session, path);
  const now = toTimestamp(clock.nowMs());
  const execution: Execution = {
    id: newId(clock.nowMs()),
    tenantId: session.row.tenantId,
    sessionId: session.id,
    kind: "startup",
    language: startupLanguage(file, session.template),
    path: file.path,
    args: [],
    env: {},
    cwd: WORKSPACE,
    background: false,
    status: "running",
    metrics: NO_METRICS,
    createdAt: now,
    startedAt: now,
  };
  const limits = executionLimits(session.template, { kind: "run_file" });
  const plan = planFor(execution, source === undefined ? {} : { source });
  const created = store.executions.create(execution);
  const place = session.turn.enter("queue");
  const run = new ExecutionRun({ session, execution, plan, request: { limits }, place, created });
  session.runBegins(run);
  session.background(run.drive());
  await created;
  const { status, error } = await run.finished;
  if (status === "ok") return;
  const why = error === undefined ? `it ended as ${status}` : `${error.name}: ${error.message}`;
  throw new GloveboxError("startup_failed", `the startup file '${file.path}' failed: ${why}`, {
    details: { path: file.path, executionId: run.id, sessionId: session.id, status },
  });
}

async function checkThere(session: LiveSession, path: string): Promise<undefined> {
  try {
    await checkInWorkspace(session, path);
  } catch (error) {
    throw startupError(session, path, error);
  }
}

async function readSource(session: LiveSession, path: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of session.bench.sandbox.files.read(path, {
      within: "workspace",
      limit: MAX_EVAL_BYTES + 1,
    })) {
      parts.push(Uint8Array.from(part));
      size += part.length;
    }
  } catch (error) {
    throw startupError(session, path, error);
  }
  const text = Buffer.concat(parts).toString("utf8");
  if (size > MAX_EVAL_BYTES || text.includes("\0")) {
    throw startupError(session, path, new GloveboxError("startup_failed", "it is no text, or larger than 8 MiB"));
  }
  return text;
}

function startupError(session: LiveSession, path: string, error: unknown): GloveboxError {
  const { code, message } = toGloveboxError(error);
  const details = { path, sessionId: session.id };
  if (code === "invalid_path") return new GloveboxError(code, `the startup file '${path}': ${message}`, { details });
  return new GloveboxError("startup_failed", `the startup file '${path}' cannot be read: ${message}`, { details });
}
