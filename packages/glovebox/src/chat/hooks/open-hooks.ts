import { resolve } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import type { Assistant } from "../assistants/assistant.ts";
import type { Hook } from "./hook.ts";
import { httpHooks } from "./http-hook.ts";
import { moduleHooks } from "./module-hooks.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** An assistant's hooks in their order. `invalid_argument` when one of them cannot be had: then nothing may go past where it would have looked. */
export async function openHooks({ hooks }: Assistant, env: Environment): Promise<readonly Hook[]> {
  const found: Hook[] = [];
  for (const hook of hooks) found.push(...(await openHook(hook, env)));
  return found;
}

async function openHook(hook: Assistant["hooks"][number], env: Environment): Promise<readonly Hook[]> {
  if ("module" in hook) return moduleHooks(resolve(hook.module));
  if ("url" in hook) {
    const secret = env[hook.secretEnv];
    if (secret === undefined || secret === "") {
      throw new GloveboxError(
        "invalid_argument",
        `the hook at ${new URL(hook.url).host} needs ${hook.secretEnv} in the environment`,
      );
    }
    const { url, points, timeoutMs } = hook;
    return httpHooks({ url, secret, points, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  }
  throw new GloveboxError("invalid_argument", `there is no built-in hook '${hook.builtin}'`);
}
