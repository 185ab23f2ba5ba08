import { spawn } from "node:child_process";
import { buffer } from "node:stream/consumers";

/** Runs a program of this machine to its end and gives its stdout. Rejects when it fails. */
export async function execute(
  argv: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Buffer> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  const [out, code] = await Promise.all([buffer(child.stdout), ended]);
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}`);
  return out;
}
