import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";

const run = promisify(execFile);

/** Warnings are errors, among them a function that is neither `static` nor declared in a header. */
const COMMON = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wmissing-prototypes", "-Werror", "-s"];
const FLAGS = {
  /** Static, so that the agent needs nothing from a sandbox's image. */
  program: ["-static", ...COMMON],
  library: ["-shared", "-fPIC", ...COMMON],
} as const;
const COMPILE_TIMEOUT_MS = 120_000;

/**
 * Compiles C files into `<outputDir>/<name>-<hash>`, unless that exists, and returns its path. `sources` are files, and folders
 * with all that is in them. The hash is of every source and header, flags and architecture: an upgrade makes another file and
 * never pulls one from under a live sandbox. Errors: `isolation_unavailable` when there is no compiler, or when it fails.
 */
export async function compileNative(
  sources: readonly string[],
  name: string,
  outputDir: string,
  kind: keyof typeof FLAGS = "program",
): Promise<string> {
  const flags = FLAGS[kind];
  const { files, hash } = readSources(sources, name);
  const key = createHash("sha256").update(hash).update(flags.join(" ")).update(process.arch).digest("hex");
  const target = join(outputDir, `${name}-${key.slice(0, 16)}`);
  if (await stat(target).catch(() => undefined)) return target;
  await mkdir(outputDir, { recursive: true, mode: 0o755 });
  const partial = `${target}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    await run("gcc", [...flags, "-o", partial, ...files], { timeout: COMPILE_TIMEOUT_MS });
    await chmod(partial, 0o755);
    await rename(partial, target);
  } catch (cause) {
    await rm(partial, { force: true });
    throw compileError(name, cause);
  }
  return target;
}

/**
 * The C files of `sources`, and the hash of them and their headers, by name and content. Reads at once: some eighty small
 * files take a few milliseconds, where each would wait for its turn in the thread pool. Errors: `isolation_unavailable`.
 */
export function readSources(sources: readonly string[], name: string): { files: string[]; hash: string } {
  const hash = createHash("sha256");
  const files: string[] = [];
  try {
    for (const source of sources) {
      const isFolder = statSync(source).isDirectory();
      const names = isFolder ? (readdirSync(source, { recursive: true }) as string[]) : [""];
      for (const inside of names.filter((path) => !isFolder || /\.[ch]$/.test(path)).sort()) {
        const file = isFolder ? join(source, inside) : source;
        hash
          .update(`${isFolder ? inside : basename(file)}\0`)
          .update(readFileSync(file))
          .update("\0");
        if (file.endsWith(".c")) files.push(file);
      }
    }
  } catch (cause) {
    throw new GloveboxError("isolation_unavailable", `The source of ${name} cannot be read: ${sources.join(", ")}`, {
      cause,
    });
  }
  return { files, hash: hash.digest("hex") };
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
