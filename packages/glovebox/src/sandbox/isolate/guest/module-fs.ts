import type { FromData } from "./bytes.ts";
import type { Call } from "./call.ts";

type Options = Record<string, unknown>;

/** The host module `fs`: the part of Node's that makes sense over a workspace. Every path stays in the workspace. */
export function makeFs(call: Call, fromData: FromData): Record<string, unknown> {
  const options = (given: unknown): Options => {
    if (typeof given === "string") return { encoding: given };
    return typeof given === "object" && given !== null ? (given as Options) : {};
  };
  const stats = (path: unknown) => {
    const found = call("stat", { path }) as { kind: string; size: number; mode: number; mtimeMs: number };
    return {
      size: found.size,
      mode: found.mode,
      mtimeMs: found.mtimeMs,
      mtime: new Date(found.mtimeMs),
      isFile: () => found.kind === "file",
      isDirectory: () => found.kind === "dir",
      isSymbolicLink: () => found.kind === "symlink",
    };
  };
  const entry = (item: { path: string; kind: string }) => ({
    name: item.path,
    isFile: () => item.kind === "file",
    isDirectory: () => item.kind === "dir",
    isSymbolicLink: () => item.kind === "symlink",
  });
  const write = (append: boolean) => (path: unknown, data: unknown, given?: unknown) => {
    const { mode, flag } = options(given);
    call(
      "write",
      { path, append: append || flag === "a", ...(typeof mode === "number" ? { mode } : {}) },
      fromData(data),
    );
  };
  const sync: Record<string, (...args: unknown[]) => unknown> = {
    readFileSync: (path, given) => {
      const { encoding } = options(given);
      const bytes = call("read", { path }) as Uint8Array & { toString(encoding: unknown): string };
      return encoding === undefined || encoding === null || encoding === "buffer" ? bytes : bytes.toString(encoding);
    },
    writeFileSync: write(false),
    appendFileSync: write(true),
    existsSync: (path) => {
      try {
        call("stat", { path });
        return true;
      } catch {
        return false;
      }
    },
    statSync: stats,
    readdirSync: (path, given) => {
      const { withFileTypes, recursive } = options(given);
      const found = call("list", { path, recursive: recursive === true }) as { path: string; kind: string }[];
      return found.map((item) => (withFileTypes === true ? entry(item) : item.path));
    },
    mkdirSync: (path, given) => void call("mkdir", { path, parents: options(given).recursive === true }),
    rmSync: (path, given) => {
      const { recursive, force } = options(given);
      try {
        call("remove", { path, recursive: recursive === true });
      } catch (error) {
        if (force !== true || (error as { code?: string }).code !== "ENOENT") throw error;
      }
    },
    unlinkSync: (path) => void call("remove", { path, recursive: false }),
    renameSync: (path, to) => void call("rename", { path, to }),
    copyFileSync: (path, to) => void call("write", { path: to, append: false }, fromData(call("read", { path }))),
  };
  const promises: Record<string, unknown> = {};
  for (const [name, run] of Object.entries(sync)) {
    if (name !== "existsSync") promises[name.slice(0, -4)] = async (...args: unknown[]) => run(...args);
  }
  return { ...sync, promises };
}
