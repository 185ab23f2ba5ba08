import { pathToFileURL } from "node:url";
import { GloveboxError } from "../../core/index.ts";
import { HOOK_POINTS, type Hook } from "./hook.ts";

/** The hooks that a module exports as its default. Its code is trusted: it runs in the server. `invalid_argument` says what is wrong with it. */
export async function moduleHooks(path: string): Promise<readonly Hook[]> {
  const module = (await import(pathToFileURL(path).href).catch((error: unknown) => {
    throw refused(path, `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, error);
  })) as { readonly default?: unknown };
  const given = module.default;
  const hooks: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (!hooks.every(isHook)) throw refused(path, "has no hook, and no list of hooks, as its default export");
  return hooks;
}

function isHook(value: unknown): value is Hook {
  if (typeof value !== "object" || value === null) return false;
  const { name, point, run, timeoutMs } = value as Partial<Record<keyof Hook, unknown>>;
  const isTimed = timeoutMs === undefined || (typeof timeoutMs === "number" && timeoutMs > 0);
  const isPoint = (HOOK_POINTS as readonly unknown[]).includes(point);
  return typeof name === "string" && name !== "" && isPoint && typeof run === "function" && isTimed;
}

function refused(path: string, why: string, cause?: unknown): GloveboxError {
  const details = { path };
  return new GloveboxError("invalid_argument", `the module of hooks ${path} ${why}`, { details, cause });
}
