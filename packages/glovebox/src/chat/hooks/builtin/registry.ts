import { GloveboxError } from "../../../core/index.ts";
import type { Hook } from "../hook.ts";
import { dangerousPatterns } from "./dangerous-patterns.ts";
import type { BuiltinHook } from "./define-builtin.ts";
import { dependencyNotes } from "./dependencies/dependency-notes.ts";
import { executionLog } from "./execution-log.ts";
import { promptInjection } from "./injection/prompt-injection.ts";
import { limits } from "./limits.ts";
import { outputSanitiser } from "./output-sanitiser.ts";
import type { BuiltinHookServices } from "./services.ts";
import { syntax } from "./syntax.ts";

/** The hooks that an assistant names with `builtin`. */
export const BUILTIN_HOOKS: readonly BuiltinHook[] = [
  dangerousPatterns,
  syntax,
  limits,
  dependencyNotes,
  executionLog,
  outputSanitiser,
  promptInjection,
];

const byName = new Map(BUILTIN_HOOKS.map((hook) => [hook.name, hook]));

/** A built-in hook with these options: one for each point that it looks at. `invalid_argument` for an unknown name, and for options that do not fit. */
export function builtinHook(name: string, options: unknown, services: BuiltinHookServices): Hook[] {
  const builtin = byName.get(name);
  if (builtin !== undefined) return builtin.make(options, services);
  const known = BUILTIN_HOOKS.map((hook) => hook.name).join(", ");
  throw new GloveboxError("invalid_argument", `there is no built-in hook '${name}'; there are ${known}`);
}
