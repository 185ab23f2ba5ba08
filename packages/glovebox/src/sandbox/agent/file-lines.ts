import { GloveboxError } from "../../core/index.ts";
import type { FileChange, FileStat } from "../files.ts";

const KINDS: readonly string[] = ["file", "dir", "symlink", "other"] satisfies FileStat["kind"][];
const CHANGES: readonly string[] = ["created", "modified", "removed", "renamed"] satisfies FileChange["change"][];

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw malformed();
  return value as Readonly<Record<string, unknown>>;
}

function malformed(): GloveboxError {
  return new GloveboxError("internal", "the sandbox's answer about files is malformed");
}

function count(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) throw malformed();
  return value;
}

function isKind(value: unknown): value is FileStat["kind"] {
  return typeof value === "string" && KINDS.includes(value);
}

function isChange(value: unknown): value is FileChange["change"] {
  return typeof value === "string" && CHANGES.includes(value);
}

/** A line of the applets `list` and `stat`. */
export function parseFileStat(value: unknown): FileStat {
  const { p, k, s, m, t, l } = record(value);
  if (typeof p !== "string" || !isKind(k) || typeof t !== "number" || !Number.isFinite(t)) throw malformed();
  if (l !== undefined && typeof l !== "string") throw malformed();
  const stat: FileStat = { path: p, kind: k, size: count(s), mode: count(m) & 0o7777, mtimeMs: t };
  return l === undefined ? stat : { ...stat, target: l };
}

/** A line of the applet `watch`; undefined for its first, which says that it watches. */
export function parseFileChange(value: unknown): FileChange | undefined {
  const { p, c, ready } = record(value);
  if (ready === true) return undefined;
  if (c === "overflow") throw new GloveboxError("resource_exhausted", "changes came faster than they were read");
  if (typeof p !== "string" || !isChange(c)) throw malformed();
  return { path: p, change: c };
}

/** What the applet `unpack` answers. */
export function parseUnpacked(text: string): { files: number; bytes: number } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed();
  }
  const { files, bytes } = record(value);
  return { files: count(files), bytes: count(bytes) };
}
