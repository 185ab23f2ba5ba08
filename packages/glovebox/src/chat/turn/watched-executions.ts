import type { Execution } from "../../core/index.ts";
import type { ExecutionService } from "../../sessions/index.ts";

/** Is told of an execution while it goes on. */
export interface ExecutionWatcher {
  started(execution: Execution): void;
  output(execution: Execution, stream: "stdout" | "stderr", text: string): void;
  /** Nothing more comes. */
  ended(execution: Execution): void;
}

/** Executions that somebody looks at while they go on. Looking ends with the execution, or with the signal. */
export function watchedExecutions(
  executions: ExecutionService,
  watcher: ExecutionWatcher,
  signal: AbortSignal,
): ExecutionService {
  const start: ExecutionService["start"] = async (tenantId, sessionId, input, options) => {
    const begun = await executions.start(tenantId, sessionId, input, options);
    watcher.started(begun.execution);
    void tell(executions, begun.execution, watcher, signal).catch(() => {});
    return begun;
  };
  return {
    start,
    find: (tenantId, sessionId, key) => executions.find(tenantId, sessionId, key),
    read: (tenantId, id, reader) => executions.read(tenantId, id, reader),
    get: (tenantId, id) => executions.get(tenantId, id),
    list: (tenantId, filter) => executions.list(tenantId, filter),
    cancel: (tenantId, id) => executions.cancel(tenantId, id),
    writeStdin: (tenantId, id, data, options) => executions.writeStdin(tenantId, id, data, options),
    resize: (tenantId, id, rows, columns) => executions.resize(tenantId, id, rows, columns),
    wait: (tenantId, id, until) => executions.wait(tenantId, id, until),
    events: (tenantId, id, options) => executions.events(tenantId, id, options),
    follow: (tenantId, id, options) => executions.follow(tenantId, id, options),
  };
}

async function tell(
  executions: ExecutionService,
  execution: Execution,
  watcher: ExecutionWatcher,
  signal: AbortSignal,
): Promise<void> {
  for await (const { type, payload } of executions.follow(execution.tenantId, execution.id, { signal })) {
    if ((type === "stdout" || type === "stderr") && "text" in payload && typeof payload.text === "string") {
      watcher.output(execution, type, payload.text);
    }
  }
  watcher.ended(execution);
}
