import type { Frame } from "./failure.ts";

/** Of longer text, the last characters are read. */
const MAX_TEXT = 64 * 1024;
const MAX_LINE = 2_000;
const MAX_FRAMES = 50;
const MAX_LINE_NUMBER = 10_000_000;

/** `  File "pkg/module.py", line 12, in function` */
const PYTHON = /^\s*File "([^"\n]{1,1000})", line (\d{1,8})(?:, in (.{1,200}))?$/;
/** pytest's short form: `pkg/module.py:12: ValueError`, also `pkg/module.py:12: in function` */
const PYTEST = /^(?:E\s+)?([^\s:][^:\n]{0,500}\.py):(\d{1,8}):(?: in (.{1,200})| ?\w*)$/;
/** `    at function (file:///pkg/module.ts:12:5)`, `    at pkg/module.ts:12:5`, ` ❯ function pkg/module.ts:12:5` of vitest. */
const V8 =
  /^\s*(?:at|❯)\s+(?:(?:async |new )?([^\s()]{1,200}(?: \[as [^\]]{1,100}\])?) )?\(?((?:file:\/\/)?[^()\s]{1,1000}?\.[cm]?[jt]sx?)(?:\?[^:\s)]{0,100})?:(\d{1,8})(?::(\d{1,8}))?\)?$/;
/** What V8 says of a syntax error: `file:///pkg/module.js:3`, alone on its line. */
const V8_HEAD = /^(?:file:\/\/)?((?:\/|\w)[^\s:]{0,1000}\.[cm]?[jt]sx?):(\d{1,8})$/;

/**
 * The frames of a stack, or of whatever a runner printed, innermost first. `root`: what absolute paths of the repository begin with. Frames outside of the repository are
 * left out. Text is what a program printed: of any length, and as hostile as can be.
 */
export function framesIn(text: string, root: string): readonly Frame[] {
  const lines = text.slice(-MAX_TEXT).split("\n");
  const python: Frame[] = [];
  const v8: Frame[] = [];
  for (const line of lines) {
    if (line.length > MAX_LINE) continue;
    const p = PYTHON.exec(line) ?? PYTEST.exec(line);
    if (p !== null) add(python, root, p[1], p[2], undefined, p[3]);
    const j = p === null ? V8.exec(line) : null;
    if (j !== null) add(v8, root, j[2], j[3], j[4], j[1]);
    const head = p === null && j === null ? V8_HEAD.exec(line) : null;
    if (head !== null) add(v8, root, head[1], head[2], undefined, undefined);
  }
  // Python names the innermost last.
  return [...python.reverse(), ...v8].slice(0, MAX_FRAMES);
}

function add(
  frames: Frame[],
  root: string,
  file: string | undefined,
  line: string | undefined,
  column: string | undefined,
  name: string | undefined,
): void {
  const path = pathIn(file ?? "", root);
  const at = Number(line);
  if (path === undefined || !Number.isSafeInteger(at) || at < 1 || at > MAX_LINE_NUMBER) return;
  const last = frames.at(-1);
  if (last?.path === path && last.line === at && last.function === name) return;
  frames.push({
    path,
    line: at,
    ...(column !== undefined && { column: Number(column) }),
    ...(name !== undefined && { function: name }),
  });
}

/** The path within the repository, undefined for what lies elsewhere or cannot be a path. */
function pathIn(file: string, root: string): string | undefined {
  let path = file.startsWith("file://") ? file.slice("file://".length) : file;
  const base = root.endsWith("/") ? root : `${root}/`;
  if (path.startsWith(base)) path = path.slice(base.length);
  path = path.replace(/^(?:\.\/)+/, "");
  const parts = path.split("/");
  const isOutside =
    path === "" ||
    path.startsWith("/") ||
    path.startsWith("<") ||
    path.startsWith("node:") ||
    parts.includes("..") ||
    parts.includes("");
  return isOutside || parts.some((part) => part === "node_modules" || part === "site-packages") ? undefined : path;
}
