import { resolve } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import type { Assistant } from "../assistants/assistant.ts";
import { type BuiltinHookServices, builtinHook } from "./builtin/index.ts";
import type { Hook } from "./hook.ts";
import { httpHooks } from "./http-hook.ts";
import { moduleHooks } from "./module-hooks.ts";

export interface HookParts {
  /** Where the secrets are that HTTP hooks sign with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly builtin: BuiltinHookServices;
}

/** An assistant's hooks in their order. `invalid_argument` when one of them cannot be had: then nothing may go past where it would have looked. */
export async function openHooks({ hooks }: Assistant, parts: HookParts): Promise<readonly Hook[]> {
  const found: Hook[] = [];
  for (const hook of hooks) found.push(...(await openHook(hook, parts)));
  return found;
}

async function openHook(hook: Assistant["hooks"][number], parts: HookParts): Promise<readonly Hook[]> {
  if ("module" in hook) return moduleHooks(resolve(hook.module));
  if ("url" in hook) {
    const secret = parts.env[hook.secretEnv];
    if (secret === undefined || secret === "") {
      throw new GloveboxError(
        "invalid_argument",
        `the hook at ${new URL(hook.url).host} needs ${hook.secretEnv} in the environment`,
      );
    }
    const { url, points, timeoutMs } = hook;
    return httpHooks({ url, secret, points, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  }
  return builtinHook(hook.builtin, hook.options, parts.builtin);
}
