import { posix } from "node:path";
import { GloveboxError } from "../../../core/index.ts";

const WORKSPACE = "/workspace";
const MAX_PATH = 4096;

export type Input = Readonly<Record<string, unknown>>;

/** A call's input: JSON that untrusted code made. */
export function parseInput(json: string): Input {
  const value: unknown = JSON.parse(json);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("an object is expected");
  return value as Input;
}

export function invalid(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message);
}

/** A path of the workspace, absolute inside the sandbox. `invalid_path` when it leads out by `..` or `/`. */
export function workspacePath(value: unknown): string {
  if (typeof value !== "string" || value === "" || value.length > MAX_PATH || value.includes("\0")) {
    throw new GloveboxError("invalid_path", "the path must be a text without NUL");
  }
  const path = posix.resolve(WORKSPACE, value);
  if (path === WORKSPACE || path.startsWith(`${WORKSPACE}/`)) return path;
  throw new GloveboxError("invalid_path", "the path leads out of the workspace");
}

export function text(value: unknown, max: number): string {
  if (typeof value !== "string" || value.length > max) throw invalid(`a text of at most ${max} characters is expected`);
  return value;
}

export function optionalNumber(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) throw invalid("a number is expected");
  return value;
}
