import { z } from "zod";
import { GloveboxError } from "../../../core/index.ts";
import type { Hook, HookAnswer, HookContext, HookPoint, HookSubjects } from "../hook.ts";
import type { BuiltinHookServices } from "./services.ts";

/** A kind of hook that comes with the house. */
export interface BuiltinHook {
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  readonly points: readonly HookPoint[];
  /** Of its options, all of which have defaults. Unknown fields are errors. */
  readonly options: z.ZodType;
  /** The hooks for these options. `invalid_argument` when they do not fit. */
  make(options: unknown, services: BuiltinHookServices): Hook[];
}

interface Definition<S extends z.ZodType> extends Omit<BuiltinHook, "make" | "options"> {
  readonly options: S;
  make(options: z.output<S>, services: BuiltinHookServices): Hook[];
}

export function defineBuiltin<S extends z.ZodType>({ make, ...definition }: Definition<S>): BuiltinHook {
  const checked = (given: unknown, services: BuiltinHookServices) => {
    const parsed = definition.options.safeParse(given);
    if (parsed.success) return make(parsed.data, services);
    const message = `the options of the hook ${definition.name}: ${z.prettifyError(parsed.error)}`;
    throw new GloveboxError("invalid_argument", message, { details: { hook: definition.name } });
  };
  return { ...definition, make: checked };
}

/** A hook for one point. */
export function hookAt<P extends HookPoint>(
  point: P,
  name: string,
  timeoutMs: number,
  run: (subject: HookSubjects[P], context: HookContext) => HookAnswer<P> | Promise<HookAnswer<P>>,
): Hook {
  const hook: Hook<P> = { name, point, timeoutMs, run };
  // `runChain` gives a hook only subjects of its own point.
  return hook as unknown as Hook;
}
