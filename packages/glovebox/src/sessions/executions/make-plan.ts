import { posix } from "node:path";
import { type Execution, type ExecutionInput, GloveboxError, type Language } from "../../core/index.ts";
import { detectLanguage } from "../../sandbox/kernel/index.ts";
import type { StoredRequest } from "../output/stream-state.ts";
import type { Plan } from "../work/plan.ts";

/** The folder in which code begins. */
export const WORKSPACE = "/workspace";

type Work = Pick<Execution, "kind" | "language" | "input" | "path" | "argv" | "args" | "env" | "cwd">;

/** What of an input says what is to be done, checked. Errors: `invalid_argument`, `invalid_path`, `language_unavailable`. */
export function checkInput(input: ExecutionInput, languages: readonly Language[]): Work {
  const work: Work = { ...fieldsOf(input, languages[0]), env: input.env ?? {}, cwd: input.cwd ?? WORKSPACE };
  if (work.language !== undefined && !languages.includes(work.language)) {
    throw new GloveboxError("language_unavailable", `this session has no ${work.language}`, {
      details: { language: work.language, languages },
    });
  }
  return work;
}

/** Where neither the input nor a file's name tells, it is the session's first language. */
function fieldsOf(input: ExecutionInput, first: Language | undefined): Omit<Work, "env" | "cwd"> {
  const { kind } = input;
  switch (kind) {
    case "repl":
      refuse(input, ["path", "argv", "background", "terminal"]);
      return {
        kind,
        language: input.language ?? first ?? need(input, "language"),
        input: need(input, "input"),
        ...argsOf(input),
      };
    case "run_file": {
      refuse(input, ["input", "argv", "background", "terminal"]);
      const path = workspacePath(need(input, "path"));
      const language = input.language ?? detectLanguage(path) ?? first ?? need(input, "language");
      return { kind, language, path, ...argsOf(input) };
    }
    case "command":
      refuse(input, ["input", "path", "args", "language"]);
      return { kind, argv: need(input, "argv") };
  }
}

/** A relative path of the workspace. Errors: `invalid_path` when it leads out. */
export function workspacePath(path: string): string {
  const whole = posix.resolve(WORKSPACE, path);
  if (whole !== WORKSPACE && !whole.startsWith(`${WORKSPACE}/`)) {
    throw new GloveboxError("invalid_path", `'${path}' is not in the workspace`, { details: { path } });
  }
  return posix.relative(WORKSPACE, whole);
}

/** How a stored execution is done. `startupSource`: the code of a startup file in mode `eval`. */
export function planFor(
  execution: Execution,
  more: { readonly request?: StoredRequest; readonly source?: string } = {},
): Plan {
  const { env, cwd } = execution;
  const args = execution.args ?? [];
  if (execution.kind === "command") {
    const argv = execution.argv ?? [];
    const terminal = more.request?.terminal;
    return { kind: "program", argv, env, cwd, ...(terminal !== undefined && { terminal }) };
  }
  const { language, path } = execution;
  if (language === undefined) throw new GloveboxError("internal", "an execution without a language");
  const code = more.source ?? execution.input;
  if (language === "rust") {
    const source = code === undefined ? { path: posix.resolve(WORKSPACE, path ?? "") } : { code };
    return { kind: "rust", source, args, env, cwd };
  }
  const mode = code === undefined ? "file" : "repl";
  const kernelCwd = more.request?.cwd ?? (mode === "file" ? cwd : undefined);
  return {
    kind: "kernel",
    language,
    mode,
    source: code ?? posix.resolve(WORKSPACE, path ?? ""),
    args,
    env,
    cwd,
    ...(kernelCwd !== undefined && { kernelCwd }),
    stdin: more.request?.kernelStdin === true,
  };
}

function argsOf(input: ExecutionInput): { args?: string[] } {
  return input.args === undefined ? {} : { args: input.args };
}

function need<K extends "language" | "input" | "path" | "argv">(
  input: ExecutionInput,
  name: K,
): NonNullable<ExecutionInput[K]> {
  const value = input[name];
  if (value === undefined || value === null) throw invalid(name, `a ${input.kind} execution needs '${name}'`);
  return value as NonNullable<ExecutionInput[K]>;
}

function refuse(input: ExecutionInput, names: readonly (keyof ExecutionInput)[]): void {
  for (const name of names) {
    if (input[name] !== undefined && input[name] !== false) {
      throw invalid(name, `a ${input.kind} execution takes no '${name}'`);
    }
  }
}

function invalid(path: string, message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { path } });
}
