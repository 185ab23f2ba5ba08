// Loaded before a file with tests of node:test, by `--import`: says in a file when each test begins, and which lines of the repository it ran.
import { readFileSync, realpathSync, writeSync } from "node:fs";
import { Session } from "node:inspector";
import { stripTypeScriptTypes } from "node:module";
import { join, sep } from "node:path";
import { afterEach, beforeEach } from "node:test";
import { fileURLToPath } from "node:url";

const file = process.env.GLOVEBOX_TEST_FILE ?? "?";
const fd = Number(process.env.GLOVEBOX_TEST_FD ?? "2");
const kind = process.env.GLOVEBOX_TEST_COVERAGE ?? "none";
const root = join(realpathSync(process.cwd()), sep);
const MAX_SOURCE = 1 << 20;
const LEFT_OUT = /(?:^|\/)(?:node_modules|\.git)\//;
/** A line that is only closing, a comment, or nothing, runs with others. */
const NO_CODE = /^(?:[\s{}()[\];,]*|\/\/.*|\/\*.*|\*.*|export\s*\{\s*|(?:export|import)\s+type\b.*)$/;

/** By url; undefined for what is not looked at. */
const sources = new Map();
const total = new Map();
const session = kind === "none" ? undefined : new Session();
if (session !== undefined) {
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  process.on("exit", () => {
    take({ imported: true });
    for (const [path, lines] of [...total].sort(([a], [b]) => (a < b ? -1 : 1))) {
      put({ file: path, executable: executableOf(path), covered: sorted(lines) });
    }
  });
}

beforeEach((context) => {
  put({ start: `${file}::${context.fullName}` });
  if (session !== undefined) take({ imported: true });
});
afterEach((context) => {
  // The reporter says more, but later: not when another test never ends.
  put({ ran: `${file}::${context.fullName}`, passed: context.passed === true });
  if (session !== undefined) take({ cover: `${file}::${context.fullName}` });
});

/** What ran since it was last asked. */
function take(head) {
  const files = {};
  session.post("Profiler.takePreciseCoverage", (error, taken) => {
    if (error !== null) return;
    for (const script of taken.result) {
      const source = sourceOf(script.url);
      if (source === undefined) continue;
      const lines = linesOf(source, script.functions);
      if (lines.length === 0) continue;
      const known = total.get(source.path) ?? new Set();
      for (const line of lines) known.add(line);
      total.set(source.path, known);
      files[source.path] = lines;
    }
  });
  if (kind === "per_test" && Object.keys(files).length > 0) put({ ...head, files });
}

function sourceOf(url) {
  if (!sources.has(url)) sources.set(url, readSource(url));
  return sources.get(url);
}

function readSource(url) {
  try {
    if (!url.startsWith("file://")) return undefined;
    const full = fileURLToPath(new URL(url.split("?")[0]));
    const path = full.slice(root.length);
    if (!full.startsWith(root) || LEFT_OUT.test(path)) return undefined;
    const text = readFileSync(full, "utf8");
    if (text.length > MAX_SOURCE) return undefined;
    // What runs is the text without its types, each character in its place.
    const code = /\.[cm]?ts$/.test(path) ? stripTypeScriptTypes(text) : text;
    const starts = [0];
    for (let at = code.indexOf("\n"); at >= 0; at = code.indexOf("\n", at + 1)) starts.push(at + 1);
    return { path, code, starts, ran: new Uint8Array(code.length) };
  } catch {
    return undefined;
  }
}

/** Lines of which something ran: of the ranges around a character the innermost says. */
function linesOf({ code, starts, ran }, functions) {
  const ranges = functions.flatMap((one) => one.ranges);
  if (!ranges.some(({ count }) => count > 0)) return [];
  ran.fill(0);
  const outerFirst = ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const { startOffset, endOffset, count } of outerFirst) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  const lines = [];
  for (let line = 0; line < starts.length; line += 1) {
    const from = starts[line];
    const end = starts[line + 1] ?? code.length;
    if (hasRun(code, ran, from, end) && !NO_CODE.test(code.slice(from, end).trim())) lines.push(line + 1);
  }
  return lines;
}

function hasRun(code, ran, from, end) {
  for (let at = from; at < end; at += 1) {
    if (ran[at] === 1 && code.charCodeAt(at) > 32) return true;
  }
  return false;
}

function executableOf(path) {
  for (const source of sources.values()) {
    if (source?.path === path) return executableLines(source.code);
  }
  return [];
}

function executableLines(code) {
  return code.split("\n").flatMap((line, index) => (NO_CODE.test(line.trim()) ? [] : [index + 1]));
}

function sorted(lines) {
  return [...lines].sort((a, b) => a - b);
}

function put(record) {
  let data = Buffer.from(`${JSON.stringify(record)}\n`);
  while (data.length > 0) data = data.subarray(writeSync(fd, data));
}
