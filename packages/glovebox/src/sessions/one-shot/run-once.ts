import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import {
  type Clock,
  type Execution,
  GloveboxError,
  type Language,
  type StoredEvent,
  systemClock,
} from "../../core/index.ts";
import type { IsolationDriver, KernelOptions, SandboxProcess } from "../../sandbox/index.ts";
import { LANGUAGE_EXTENSIONS, programArgv } from "../../sandbox/kernel/index.ts";
import { WORKSPACE, workspacePath } from "../executions/make-plan.ts";
import type { Plan } from "../work/plan.ts";
import { createOnceSandbox, type OnceLimits, onceBench, onceLimits } from "./once-sandbox.ts";
import { type OnceResult, workOnce } from "./work-once.ts";

export interface OnceOptions {
  readonly driver: IsolationDriver;
  /** An empty folder of the caller's, which becomes the workspace. It stays the caller's to remove. */
  readonly workspaceDir: string;
  readonly language: Language;
  /** Code; or a file of the host that is copied to `path` (default: its own name) in the workspace; or a `path` that is there already. */
  readonly source: { readonly code: string } | { readonly path: string; readonly hostFile?: string };
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Bytes for stdin; without it stdin is empty. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
  /** Default {@link DEFAULT_LIMITS}, but without a limit on output and events. */
  readonly limits?: OnceLimits | undefined;
  readonly allowPartial?: boolean | undefined;
  readonly kernelOptions?: KernelOptions | undefined;
  /** Aborting stops the program: it ends as `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: StoredEvent) => void | Promise<void>) | undefined;
  /** Whether `events` are in the result. Default true. */
  readonly keepEvents?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Runs a program once in a sandbox of its own, as the language's own command would (`isolate` has no processes: there it is a file in the kernel).
 * Resolves when it is over and the sandbox is gone. Errors: those of the driver's `create`; `invalid_path`.
 */
export async function runOnce(options: OnceOptions): Promise<OnceResult> {
  const path = await placeSource(options);
  const { driver, language, limits, signal } = options;
  await using sandbox = await createOnceSandbox(driver, { ...options, env: {}, languages: [language], signal });
  const bench = onceBench(sandbox);
  const { plan, described } = planOnce(options, path);
  return await workOnce({
    bench,
    plan,
    described,
    limits: onceLimits(limits),
    clock: options.clock ?? systemClock,
    keepEvents: options.keepEvents ?? true,
    onEvent: options.onEvent,
    onProcess: plan.kind === "kernel" ? undefined : (process) => void feed(process, options.stdin, signal),
    signal,
  });
}

/** Puts the program into the workspace before anything untrusted is there. */
async function placeSource({ source, workspaceDir, language }: OnceOptions): Promise<string> {
  if ("code" in source) {
    const name = `main${LANGUAGE_EXTENSIONS[language][0] ?? ""}`;
    await writeFile(join(workspaceDir, name), source.code);
    return name;
  }
  const path = workspacePath(source.path);
  if (path === "") throw new GloveboxError("invalid_path", "the program's path is the workspace itself");
  if (source.hostFile !== undefined) {
    await mkdir(dirname(join(workspaceDir, path)), { recursive: true });
    await copyFile(source.hostFile, join(workspaceDir, path));
  }
  return path;
}

function planOnce(
  options: OnceOptions,
  path: string,
): { readonly plan: Plan; readonly described: Pick<Execution, "kind" | "language" | "path" | "argv" | "args"> } {
  const { driver, language } = options;
  const args = [...(options.args ?? [])];
  const common = { env: options.env ?? {}, cwd: WORKSPACE };
  const file = { kind: "run_file" as const, language, path, args };
  if (language === "rust") {
    const plan: Plan = { ...common, kind: "rust", source: { path: posix.join(WORKSPACE, path) }, args };
    return { plan, described: { ...file, kind: "command" } };
  }
  if (driver.isolation === "isolate") {
    const source = posix.join(WORKSPACE, path);
    return { plan: { ...common, kind: "kernel", language, mode: "file", source, args }, described: file };
  }
  const argv = [...programArgv(language, path, args)];
  return { plan: { ...common, kind: "program", argv }, described: { kind: "command", language, argv } };
}

/** A program need not read what it is given: its end is not an error here. */
async function feed(
  process: SandboxProcess,
  stdin: AsyncIterable<Uint8Array> | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    for await (const piece of stdin ?? []) await process.write(piece, signal);
    await process.closeStdin();
  } catch {
    // It is over, or does not listen any more.
  }
}
