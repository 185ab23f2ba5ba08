import { createHash } from "node:crypto";
import { Minimatch } from "minimatch";
import { GloveboxError } from "../../core/index.ts";
import type { SandboxBench } from "../../runs/index.ts";
import { Captured } from "./captured.ts";
import { LAYOUT } from "./layout.ts";

/** Files of the workspace that are looked at. */
const MAX_FILES = 200_000;

/**
 * One hash over all files of the workspace that match, in the order of their names; the empty text when none does. It is worked out in the sandbox.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#hashfiles
 */
export async function hashFiles(bench: SandboxBench, key: string, patterns: readonly string[]): Promise<string> {
  const matches = matcherOf(patterns);
  const found: string[] = [];
  const files = await bench.files();
  const { signal } = bench;
  for await (const { path, kind } of files.list(LAYOUT.workspace, { recursive: true, limit: MAX_FILES, signal })) {
    if (kind === "file" && matches(path)) found.push(path);
  }
  if (found.length === 0) return "";
  const lines = (await digests(bench, key, found.sort())).split("\n").filter((line) => line !== "");
  if (lines.length !== found.length) throw new GloveboxError("unavailable", "a file changed while it was hashed");
  const whole = createHash("sha256");
  for (const line of lines) whole.update(Buffer.from(line.replace(/^\\/, "").slice(0, 64), "hex"));
  return whole.digest("hex");
}

/** Later patterns stand above earlier ones; those with `!` take away. A folder that matches stands for all in it. */
export function matcherOf(patterns: readonly string[]): (path: string) => boolean {
  const rules = patterns
    .flatMap((pattern) => pattern.split(/\r?\n/))
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== "" && !pattern.startsWith("#"))
    .map((pattern) => {
      const isOut = pattern.startsWith("!");
      const path = relative(isOut ? pattern.slice(1) : pattern);
      const globs = path === undefined ? [] : [path, `${path}/**`].map((glob) => new Minimatch(glob, OPTIONS));
      return { isOut, matches: (found: string) => globs.some((glob) => glob.match(found)) };
    });
  return (path) => rules.reduce((isIn, { isOut, matches }) => (matches(path) ? !isOut : isIn), false);
}

/** As GitHub's own `@actions/glob` has them. */
const OPTIONS = { dot: true, nobrace: true, nocomment: true, noext: true, nonegate: true } as const;

/** In the workspace; `undefined` for what is elsewhere. */
function relative(pattern: string): string | undefined {
  const plain = pattern.startsWith(`${LAYOUT.workspace}/`) ? pattern.slice(LAYOUT.workspace.length + 1) : pattern;
  if (plain.startsWith("/") || plain.split("/").includes("..")) return undefined;
  return plain.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
}

async function digests(bench: SandboxBench, key: string, paths: readonly string[]): Promise<string> {
  const captured = new Captured();
  const argv = ["xargs", "-0", "-r", "sha256sum", "--"];
  const stdin = paths.map((path) => `${path}\0`).join("");
  const request = async () => ({ kind: "command", argv, stdin, cwd: LAYOUT.workspace }) as const;
  const { status } = await bench.run(key, request, captured);
  if (status !== "ok") throw new GloveboxError("unavailable", `hashing files ended as ${status}: ${captured.stderr}`);
  return captured.stdout;
}
