import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileNative } from "./compile.ts";

const WRITE_PROC = ["shared/write-proc.c", "shared/write-proc.h"];
const READ_ALL = ["shared/read-all.c", "shared/read-all.h"];
const LOCAL_NETWORK = ["shared/local-network.c", "shared/local-network.h"];

/** What each program is made of: files of `native/`, and folders with all that is in them. */
const PROGRAMS = {
  agent: ["agent", ...WRITE_PROC],
  supervisor: ["supervisor", ...WRITE_PROC, ...READ_ALL, ...LOCAL_NETWORK],
  trees: ["trees", ...WRITE_PROC],
  extents: ["extents.c"],
  init: ["init", ...LOCAL_NETWORK],
  "tsc-khz": ["tsc-khz.c"],
  "gvisor-host": ["gvisor-host.c", ...READ_ALL],
  "gvisor-entry": ["gvisor-entry.c"],
} as const;
const LIBRARIES = {
  fork: ["fork"],
  "gvisor-compat": ["gvisor-compat.c"],
} as const;

/** The nearest folder above this file that holds `native/supervisor/main.c`: the repository, or the published package. */
export function repositoryRoot(from: string = dirname(fileURLToPath(import.meta.url))): string {
  for (let dir = from; ; dir = dirname(dir)) {
    if (existsSync(join(dir, "native", "supervisor", "main.c"))) return dir;
    if (dirname(dir) === dir) return process.cwd();
  }
}

/** The files and folders that one of our programs is made of. */
export function nativeSources(name: keyof typeof PROGRAMS | keyof typeof LIBRARIES): string[] {
  return { ...PROGRAMS, ...LIBRARIES }[name].map((path) => join(repositoryRoot(), "native", path));
}

/** Compiles one of our programs or libraries into `dir`, unless it is there, and returns its path. Errors: those of `compileNative`. */
export function nativeProgram(name: Parameters<typeof nativeSources>[0], dir: string): Promise<string> {
  return compileNative(nativeSources(name), name, dir, name in LIBRARIES ? "library" : "program");
}
