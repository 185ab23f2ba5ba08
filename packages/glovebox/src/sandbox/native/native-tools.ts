import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { nativeProgram, repositoryRoot } from "./programs.ts";

/** Where the native programs lie, and the folder that also takes what is derived from them. */
export interface NativeTools {
  readonly dir: string;
  readonly agent: string;
  readonly supervisor: string;
  /** Copies trees of files: see `../trees`. */
  readonly trees: string;
  /** Tells where a file has holes. */
  readonly extents: string;
}

/**
 * `GLOVEBOX_NATIVE_DIR`; else `.tools/native` under the repository's root; else, where that may not be written (an ordinary user in
 * root's checkout), `glovebox/native` in the user's cache folder.
 */
export function defaultNativeDir(): string {
  const { GLOVEBOX_NATIVE_DIR, XDG_CACHE_HOME } = process.env;
  if (GLOVEBOX_NATIVE_DIR) return GLOVEBOX_NATIVE_DIR;
  const shared = join(repositoryRoot(), ".tools", "native");
  return mayWrite(shared) ? shared : join(XDG_CACHE_HOME || join(homedir(), ".cache"), "glovebox", "native");
}

/** Whether a folder may be written, or made where it does not exist yet. */
function mayWrite(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK);
    return true;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return isMissing && dirname(dir) !== dir && mayWrite(dirname(dir));
  }
}

const building = new Map<string, Promise<NativeTools>>();

/**
 * The compiled programs, built on first need (some seconds), then found by hash.
 * Errors: `isolation_unavailable` with what is missing.
 */
export function nativeTools(nativeDir: string = defaultNativeDir()): Promise<NativeTools> {
  const known = building.get(nativeDir);
  if (known) return known;
  const made = build(nativeDir);
  building.set(nativeDir, made);
  made.catch(() => building.delete(nativeDir));
  return made;
}

async function build(dir: string): Promise<NativeTools> {
  const [agent, supervisor, trees, extents] = await Promise.all([
    nativeProgram("agent", dir),
    nativeProgram("supervisor", dir),
    nativeProgram("trees", dir),
    nativeProgram("extents", dir),
  ]);
  return { dir, agent, supervisor, trees, extents };
}
