import { posix } from "node:path";
import { GloveboxError } from "../../../core/index.ts";
import { Captured } from "../../runner/captured.ts";
import { matcherOf } from "../../runner/hash-files.ts";
import { LAYOUT } from "../../runner/layout.ts";
import type { StepRun } from "../../runner/step-run.ts";

/** Files that are looked at for patterns. */
const MAX_FILES = 200_000;
const GLOB = /[*?[\]]/;

export interface Picked {
  /** Absolute; what is picked is named from here. */
  readonly root: string;
  /** Files and folders. */
  readonly paths: readonly string[];
}

/**
 * What paths and patterns of an action's input stand for, in the workspace: a line each, those with `!` take away. The root is the lowest folder that has all that the
 * patterns begin with, as `actions/upload-artifact` has it. Errors: `invalid_path` for what is elsewhere.
 */
export async function pick(
  run: StepRun,
  lines: readonly string[],
  isWanted: (path: string) => boolean = () => true,
): Promise<Picked> {
  const { bench } = run;
  const patterns = lines.map((line) => (line.startsWith("!") ? `!${relative(line.slice(1))}` : relative(line)));
  const matches = matcherOf(patterns);
  const found: string[] = [];
  const files = await bench.files();
  const options = { recursive: true, limit: MAX_FILES, signal: bench.signal };
  for await (const { path, kind } of files.list(LAYOUT.workspace, options)) {
    if (kind !== "dir" && kind !== "other" && matches(path) && isWanted(path)) found.push(path);
  }
  const positive = patterns.filter((pattern) => !pattern.startsWith("!"));
  const root = rootOf(positive, found);
  const prefix = root === "" ? "" : `${root}/`;
  return { root: posix.join(LAYOUT.workspace, root), paths: found.sort().map((path) => path.slice(prefix.length)) };
}

/** One file alone is named by itself. */
function rootOf(patterns: readonly string[], found: readonly string[]): string {
  const bases = patterns.map((pattern) => {
    const parts = pattern.split("/");
    const glob = parts.findIndex((part) => GLOB.test(part));
    const base = (glob < 0 ? parts : parts.slice(0, glob)).join("/");
    return found.includes(base) ? posix.dirname(base) : base;
  });
  const [first = "", ...rest] = bases.map((base) => (base === "." ? "" : base));
  const shared = rest.reduce((common, base) => commonFolder(common, base), first);
  return shared;
}

function commonFolder(a: string, b: string): string {
  const [one, other] = [a.split("/"), b.split("/")];
  const length = one.findIndex((part, index) => part !== other[index]);
  return (length < 0 ? one : one.slice(0, length)).join("/");
}

function relative(path: string): string {
  const whole = posix.resolve(LAYOUT.workspace, path);
  if (whole === LAYOUT.workspace) return "**";
  if (whole.startsWith(`${LAYOUT.workspace}/`)) return whole.slice(LAYOUT.workspace.length + 1);
  throw new GloveboxError("invalid_path", `'${path}' is not in the workspace`);
}

/** Makes a tar of what was picked, for `read` to take; it is in the sandbox only as long. */
export async function archived<T>(
  run: StepRun,
  key: string,
  { root, paths }: Picked,
  read: (tar: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const { bench } = run;
  const files = await bench.files();
  const path = `${LAYOUT.root}/${key}.tar`;
  const argv = ["tar", "-C", root, "--null", "--no-recursion", "-T", "-", "-cf", path];
  const stdin = paths.map((name) => `./${name}\0`).join("");
  const captured = new Captured();
  try {
    const { status } = await bench.run(`${key}-tar`, async () => ({ kind: "command", argv, stdin }), captured);
    if (status !== "ok")
      throw new GloveboxError("invalid_argument", `the files cannot be packed: ${captured.stderr.slice(0, 500)}`);
    return await read(files.read(path, { signal: bench.signal }));
  } finally {
    await files.remove(path).catch(() => {});
  }
}
