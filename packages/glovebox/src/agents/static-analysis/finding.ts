import type { Severity } from "../messages/artifact.ts";

/** Something in a file that a rule is about. */
export interface Finding {
  /** `js/eval`, or ruff's code. */
  readonly rule: string;
  readonly severity: Severity;
  readonly message: string;
  readonly suggestion?: string;
  readonly cwe?: number;
  /** From 1; columns count UTF-16 units. */
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export const SEVERITIES = ["info", "warn", "error"] as const satisfies readonly Severity[];

export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}
