import { DEFAULT_LIMITS, type Language, type Limits, newId } from "../../core/index.ts";
import type { IsolationDriver, KernelOptions, Sandbox } from "../../sandbox/index.ts";
import type { WorkLimits } from "../output/stream-state.ts";
import { Workbench } from "../work/workbench.ts";

/** Without a store nothing fills up: output and events are limited only where the caller says so. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

export type OnceLimits = { readonly [K in keyof Limits]?: Limits[K] | undefined };

/** A sandbox for work without a server; it ends with this process. */
export function createOnceSandbox(
  driver: IsolationDriver,
  options: {
    readonly workspaceDir: string;
    readonly languages: readonly Language[];
    readonly limits?: OnceLimits | undefined;
    readonly allowPartial?: boolean | undefined;
    readonly env?: Readonly<Record<string, string>> | undefined;
    readonly kernelOptions?: KernelOptions | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Sandbox> {
  const asked = options.limits ?? {};
  const pick = (name: keyof Limits) => asked[name] ?? DEFAULT_LIMITS[name];
  return driver.create(
    {
      id: newId(),
      workspaceDir: options.workspaceDir,
      limits: {
        cpus: pick("cpus"),
        memoryMb: pick("memoryMb"),
        pids: pick("pids"),
        openFiles: pick("openFiles"),
        diskMb: pick("diskMb"),
      },
      allowPartial: options.allowPartial ?? false,
      env: options.env ?? {},
      languages: options.languages,
      ...(options.kernelOptions !== undefined && { kernelOptions: options.kernelOptions }),
      outliveServer: false,
    },
    options.signal,
  );
}

export function onceLimits(asked: OnceLimits = {}): WorkLimits {
  return {
    wallMs: asked.wallMs ?? DEFAULT_LIMITS.wallMs,
    cpuMs: asked.cpuMs ?? DEFAULT_LIMITS.cpuMs,
    compileMs: asked.compileMs ?? DEFAULT_LIMITS.compileMs,
    outputBytes: asked.outputBytes ?? UNLIMITED,
    maxEvents: asked.maxEvents ?? UNLIMITED,
    onOutputLimit: "truncate",
  };
}

/** What kernels print between executions has nowhere to go. */
export function onceBench(sandbox: Sandbox): Workbench {
  return new Workbench({ sandbox, idle: { output: (_chunk, acknowledge) => acknowledge() } });
}
