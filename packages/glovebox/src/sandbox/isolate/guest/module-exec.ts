import type { FromData } from "./bytes.ts";
import type { Call } from "./call.ts";

interface Finished {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The host module `exec`: programs in the helper sandbox, over the same workspace. */
export function makeExec(call: Call, fromData: FromData): Record<string, unknown> {
  const { isArray } = Array;
  const run = (argv: readonly unknown[], given: unknown): Finished => {
    const { cwd, env, timeout, input } = (typeof given === "object" && given !== null ? given : {}) as Record<
      string,
      unknown
    >;
    const texts = argv.map((item) => `${item}`);
    const body = input === undefined ? undefined : fromData(input);
    return call("exec", { argv: texts, cwd, env, timeoutMs: timeout }, body) as Finished;
  };
  const orThrow = (what: string, done: Finished): string => {
    if (done.status === 0) return done.stdout;
    const how = done.signal === null ? `with status ${done.status}` : `by ${done.signal}`;
    throw Object.assign(
      new Error(`the command ended ${how}: ${what}${done.stderr === "" ? "" : `\n${done.stderr}`}`),
      done,
    );
  };
  const shell = (command: unknown) => (isArray(command) ? command : ["/bin/sh", "-c", command]);
  return {
    execSync: (command: unknown, options?: unknown) => orThrow(`${command}`, run(shell(command), options)),
    execFileSync: (file: unknown, args?: unknown, options?: unknown) =>
      orThrow(`${file}`, run([file, ...(isArray(args) ? args : [])], options)),
    spawnSync: (file: unknown, args?: unknown, options?: unknown) =>
      run([file, ...(isArray(args) ? args : [])], options),
  };
}
