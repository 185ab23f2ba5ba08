import { type Clock, GloveboxError, type Language, type StoredEvent, systemClock } from "../../core/index.ts";
import type { IsolationDriver, KernelOptions, SandboxFiles } from "../../sandbox/index.ts";
import { WORKSPACE } from "../executions/make-plan.ts";
import type { Plan } from "../work/plan.ts";
import { createOnceSandbox, type OnceLimits, onceBench, onceLimits } from "./once-sandbox.ts";
import { type OnceResult, workOnce } from "./work-once.ts";

export interface ReplOptions {
  readonly driver: IsolationDriver;
  readonly workspaceDir: string;
  /** The first one is the default of `run`. */
  readonly languages: readonly [Language, ...Language[]];
  readonly limits?: OnceLimits | undefined;
  readonly allowPartial?: boolean | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly kernelOptions?: KernelOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

/** A sandbox whose kernels keep their state from one `run` to the next. Disposing ends it. */
export interface Repl extends AsyncDisposable {
  readonly files: SandboxFiles;
  /** One at a time: `session_busy` otherwise. */
  run(
    code: string,
    options?: {
      readonly language?: Language | undefined;
      readonly limits?: OnceLimits | undefined;
      readonly signal?: AbortSignal | undefined;
      readonly onEvent?: ((event: StoredEvent) => void | Promise<void>) | undefined;
      readonly keepEvents?: boolean | undefined;
    },
  ): Promise<OnceResult>;
}

/** Opens a sandbox for a conversation with its kernels, in this process and without a store. Errors: those of the driver's `create`. */
export async function openRepl(options: ReplOptions): Promise<Repl> {
  const sandbox = await createOnceSandbox(options.driver, options);
  const bench = onceBench(sandbox);
  const clock = options.clock ?? systemClock;
  const [first] = options.languages;
  let busy = false;
  return {
    files: sandbox.files,
    run: async (code, asked = {}) => {
      if (busy) throw new GloveboxError("session_busy", "something runs already");
      busy = true;
      try {
        const language = asked.language ?? first;
        return await workOnce({
          bench,
          plan: replPlan(language, code),
          described: { kind: "repl", language, input: code },
          limits: onceLimits({ ...options.limits, ...asked.limits }),
          clock,
          keepEvents: asked.keepEvents ?? true,
          onEvent: asked.onEvent,
          signal: asked.signal,
        });
      } finally {
        busy = false;
      }
    },
    [Symbol.asyncDispose]: () => sandbox.destroy(),
  };
}

function replPlan(language: Language, code: string): Plan {
  const common = { env: {}, cwd: WORKSPACE, args: [] };
  if (language === "rust") return { ...common, kind: "rust", source: { code } };
  return { ...common, kind: "kernel", language, mode: "repl", source: code };
}
