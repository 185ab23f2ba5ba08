import { posix } from "node:path";
import { isGloveboxError } from "../../core/index.ts";
import type { Sandbox } from "../../sandbox/index.ts";
import { programCommands } from "../../sandbox/kernel/index.ts";
import type { Recorder } from "../output/recorder.ts";
import { type Performance, runLimits, stoppedBefore } from "./perform.ts";
import type { Plan } from "./plan.ts";
import { followProgram } from "./program.ts";
import type { WorkEnd } from "./work-end.ts";

type RustPlan = Plan & { kind: "rust" };

/** Compiles, under `compileMs` alone, then runs. The compiler's words are on stderr, and in the `exception` when it refuses. */
export async function performRust(work: Performance, plan: RustPlan): Promise<WorkEnd> {
  const { sandbox } = work.bench;
  const commands = await prepareRust(sandbox, work.id, plan);
  if (work.control.cause !== undefined) return stoppedBefore();
  const compiled = await compileRust(work, plan, commands.compile);
  if (compiled !== undefined) return compiled;
  return runRust(work, plan, commands.run);
}

/** The commands for the two phases, the code being in a file. */
export async function prepareRust(
  sandbox: Sandbox,
  id: string,
  plan: RustPlan,
): Promise<{ readonly compile: readonly string[]; readonly run: readonly string[] }> {
  const folder = `/tmp/glovebox-${id}`;
  let path = "path" in plan.source ? plan.source.path : `${folder}/main.rs`;
  if ("code" in plan.source) {
    await sandbox.files.write(path, Buffer.from(asProgram(plan.source.code)), { parents: true });
  } else {
    await sandbox.files.mkdir(folder, { parents: true });
    path = posix.resolve("/workspace", plan.cwd, path);
  }
  const cargoDir = "path" in plan.source ? await findManifest(sandbox, path) : undefined;
  const options = cargoDir === undefined ? { output: `${folder}/program` } : { cargoDir };
  const { compile, run } = programCommands("rust", path, plan.args, options);
  return { compile: compile?.argv ?? [], run: run.argv };
}

/** Resolves to `undefined` when the program may be run. */
async function compileRust(work: Performance, plan: RustPlan, argv: readonly string[]): Promise<WorkEnd | undefined> {
  const { compileMs } = work.limits;
  const process = await work.bench.spawn({
    kind: "program",
    argv,
    env: plan.env,
    cwd: plan.cwd,
    stdin: "null",
    limits: { wallMs: compileMs },
    tag: `${work.id}:compile`,
  });
  const { bench, recorder, control, onUnresponsive } = work;
  const end = await followProgram({
    process,
    recorder,
    control,
    phase: "compile",
    wallMs: compileMs,
    onUnresponsive,
    detach: bench.detach,
  });
  return judgeCompile(work, end, () => process.release());
}

/** Also for a compilation that was followed again after a restart. */
export async function judgeCompile(work: Performance, end: WorkEnd, release: () => void): Promise<WorkEnd | undefined> {
  if (end.kind !== "exit") return end;
  const { recorder, control } = work;
  await recorder.drain();
  release();
  if (end.exit.limit === "wall") control.limitTripped("compile");
  if (end.exit.code === 0 && control.cause === undefined) return undefined;
  if (end.exit.code !== undefined && control.cause === undefined) tellCompileError(recorder);
  return end;
}

export async function runRust(work: Performance, plan: RustPlan, argv: readonly string[]): Promise<WorkEnd> {
  const { bench, recorder, control, limits, onUnresponsive } = work;
  const process = await bench.spawn({
    kind: "program",
    argv,
    env: plan.env,
    cwd: plan.cwd,
    limits: runLimits(limits),
    tag: work.id,
  });
  work.onProcess(process);
  const { wallMs } = limits;
  const end = await followProgram({
    process,
    recorder,
    control,
    phase: "run",
    wallMs,
    onUnresponsive,
    detach: bench.detach,
  });
  tellRustEnd(work, end);
  return end;
}

/** A program has no value of its own: its end is what it says. */
export function tellRustEnd({ recorder, control }: Performance, end: WorkEnd): void {
  if (end.kind === "exit" && end.exit.code === 0 && control.cause === undefined) {
    recorder.value({ type: "()", preview: "()" });
  }
}

function tellCompileError(recorder: Recorder): void {
  const diagnostics = recorder.recentErrors();
  const first = /^error(\[E\d+\])?:.*$/m.exec(diagnostics)?.[0] ?? "the program does not compile";
  const line = /^\s*--> [^\n]*?:(\d+):\d+$/m.exec(diagnostics)?.[1];
  recorder.exception({
    name: "CompileError",
    message: first,
    stack: diagnostics,
    ...(line !== undefined && { line: Number(line) }),
  });
}

/** Statements without a `main` are given one, as in a notebook. */
function asProgram(code: string): string {
  return /\bfn\s+main\s*\(/.test(code) ? code : `fn main() {\n${code}\n}\n`;
}

/** The folder with the `Cargo.toml` that a file belongs to: its own, or the one above `src/`. */
async function findManifest(sandbox: Sandbox, path: string): Promise<string | undefined> {
  const folder = posix.dirname(path);
  if (posix.basename(path) === "Cargo.toml") return folder;
  const candidates = posix.basename(folder) === "src" ? [posix.dirname(folder), folder] : [folder];
  for (const candidate of candidates) {
    try {
      await sandbox.files.stat(`${candidate}/Cargo.toml`);
      return candidate;
    } catch (error) {
      if (!isGloveboxError(error, "not_found")) throw error;
    }
  }
  return undefined;
}
