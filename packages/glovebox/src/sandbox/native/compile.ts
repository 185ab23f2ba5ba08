import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";

const run = promisify(execFile);

/** Static, so that the agent needs nothing from a sandbox's image. Warnings are errors. */
const FLAGS = ["-std=gnu11", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-s"];
/** To be loaded into another program. */
const LIBRARY_FLAGS = FLAGS.map((flag) => (flag === "-static" ? "-shared" : flag)).concat("-fPIC");
const COMPILE_TIMEOUT_MS = 120_000;

/**
 * Compiles one C file into `<outputDir>/<name>-<hash>`, unless that exists, and returns its path. The hash is of source,
 * flags and architecture: an upgrade makes another file and never pulls one from under a live sandbox.
 * Errors: `isolation_unavailable` when there is no compiler, or when it fails.
 */
export async function compileNative(
  sourcePath: string,
  name: string,
  outputDir: string,
  kind: "program" | "library" = "program",
): Promise<string> {
  const flags = kind === "program" ? FLAGS : LIBRARY_FLAGS;
  const source = await readFile(sourcePath).catch((cause: unknown) => {
    throw new GloveboxError("isolation_unavailable", `The source of ${name} cannot be read: ${sourcePath}`, { cause });
  });
  const hash = createHash("sha256").update(source).update(flags.join(" ")).update(process.arch).digest("hex");
  const target = join(outputDir, `${name}-${hash.slice(0, 16)}`);
  if (await stat(target).catch(() => undefined)) return target;
  await mkdir(outputDir, { recursive: true, mode: 0o755 });
  const partial = `${target}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    await run("gcc", [...flags, "-o", partial, sourcePath], { timeout: COMPILE_TIMEOUT_MS });
    await chmod(partial, 0o755);
    await rename(partial, target);
  } catch (cause) {
    await rm(partial, { force: true });
    throw compileError(name, cause);
  }
  return target;
}

function compileError(name: string, cause: unknown): GloveboxError {
  const { code, stderr } = cause as { code?: unknown; stderr?: unknown };
  const message =
    code === "ENOENT"
      ? `No C compiler: gcc (and libc6-dev) is needed once, to build the ${name}. Install both, or point GLOVEBOX_NATIVE_DIR at a folder where it was built.`
      : `The ${name} does not compile here: ${String(stderr || cause)
          .trim()
          .slice(0, 2000)}`;
  return new GloveboxError("isolation_unavailable", message, { cause });
}
