import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { TokenRange } from "@actions/workflow-parser/templates/tokens/token-range";
import type { WorkflowProblem } from "./workflow.ts";

/** More than anybody reads; a file can be wrong in each of its lines. */
const MAX_PROBLEMS = 100;
const MAX_MESSAGE_LENGTH = 1000;

/** Collects what is wrong with one file, each thing once. */
export class Problems {
  readonly path: string;
  readonly #found = new Map<string, WorkflowProblem>();

  constructor(path: string) {
    this.path = path;
  }

  /** `at` undefined: the file as a whole, its first line. */
  add(
    message: string,
    at: TokenRange | TemplateToken | undefined,
    severity: WorkflowProblem["severity"] = "error",
  ): void {
    if (this.#found.size >= MAX_PROBLEMS) return;
    const { line, column } = (at === undefined || !("start" in at) ? at?.range : at)?.start ?? { line: 1, column: 1 };
    const text = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;
    const key = `${line}:${column}:${text}`;
    if (!this.#found.has(key)) this.#found.set(key, { path: this.path, line, column, message: text, severity });
  }

  get hasErrors(): boolean {
    return this.#found.values().some(({ severity }) => severity === "error");
  }

  /** In the order of the file. */
  list(): readonly WorkflowProblem[] {
    return [...this.#found.values()].sort((a, b) => a.line - b.line || a.column - b.column);
  }
}
