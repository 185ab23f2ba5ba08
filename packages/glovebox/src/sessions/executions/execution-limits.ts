import { type ExecutionInput, GloveboxError, type Limits, type Template } from "../../core/index.ts";
import type { WorkLimits } from "../output/stream-state.ts";

const NAMES = ["wallMs", "cpuMs", "compileMs", "outputBytes", "maxEvents"] as const;

/**
 * The limits an execution runs under: what it asks for, else the template's. Background commands and terminals have the deadline they are
 * given, or the session's lifetime. Errors: `invalid_argument` above the template's `maxLimits`.
 */
export function executionLimits(template: Template, input: ExecutionInput): WorkLimits {
  const asked = input.limits ?? {};
  for (const name of NAMES) checkMax(name, asked[name], template.maxLimits);
  const free = input.kind === "command" && (input.background === true || input.terminal !== undefined);
  const wallMs = asked.wallMs ?? (free ? undefined : template.limits.wallMs);
  const cpuMs = asked.cpuMs ?? (free ? undefined : template.limits.cpuMs);
  // A terminal that is cut is blind.
  const kept = input.terminal === undefined ? template.limits : template.maxLimits;
  return {
    ...(wallMs !== undefined && { wallMs }),
    ...(cpuMs !== undefined && { cpuMs }),
    compileMs: asked.compileMs ?? template.limits.compileMs,
    outputBytes: asked.outputBytes ?? kept.outputBytes,
    maxEvents: asked.maxEvents ?? kept.maxEvents,
    onOutputLimit: input.onOutputLimit ?? template.onOutputLimit,
  };
}

/** Errors: `invalid_argument` when `asked` is more than the template allows. */
export function checkMax(name: keyof Limits, asked: number | undefined, maxLimits: Limits): void {
  if (asked === undefined || asked <= maxLimits[name]) return;
  throw new GloveboxError("invalid_argument", `limits.${name} is ${asked}; the template allows ${maxLimits[name]}`, {
    details: { path: `limits.${name}`, max: maxLimits[name] },
  });
}
