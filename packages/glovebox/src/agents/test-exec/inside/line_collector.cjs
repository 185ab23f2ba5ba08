// Which lines of the repository a test of vitest or jest runs, from V8 itself and the source maps that transformed code carries: within the process that runs the tests.
// Says them line by line in a file (GLOVEBOX_LINES), by the names that the runners' reports have, joined by a space.
"use strict";
const { appendFileSync, readFileSync, realpathSync } = require("node:fs");
const { Session } = require("node:inspector");
const { join, sep } = require("node:path");
const { fileURLToPath } = require("node:url");

const MAX_SOURCE = 1 << 20;
const LEFT_OUT = /(?:^|\/)(?:node_modules|\.git)\//;
/** A line that is only closing, a comment, or nothing, runs with others. */
const NO_CODE = /^(?:[\s{}()[\];,]*|\/\/.*|\/\*.*|\*.*|export\s*\{\s*|(?:export|import)\s+type\b.*)$/;
/** What vitest and jest put before the first character of a module. */
const WRAPPERS = [
  /^'use strict';async \([^)]{0,2000}\)=>\{\{/,
  /^\(\{"Object\.<anonymous>":function\([^)]{0,2000}\)\{/,
];
const MAP = "sourceMappingURL=data:application/json";
const MAP_DATA = /^[^,\n]{0,100};base64,([\w+/=]+)/;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Begins to collect in this process; `root`: of the repository, `file`: where it is said. */
exports.openCollector = (root, file) => {
  const base = join(realpathSync(root), sep);
  const session = new Session();
  const scripts = new Map();
  const total = new Map();
  session.connect();
  session.on("Debugger.scriptParsed", ({ params }) => scripts.set(params.scriptId, undefined));
  session.post("Debugger.enable");
  session.post("Debugger.setSkipAllPauses", { skip: true });
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

  const say = (record) => appendFileSync(file, `${JSON.stringify(record)}\n`);

  /** Lines by path, of what ran since it was last asked. */
  const take = () => {
    const files = {};
    session.post("Profiler.takePreciseCoverage", (error, taken) => {
      if (error !== null) return;
      for (const { scriptId, url, functions } of taken.result) {
        const script = scriptOf(scriptId, url);
        if (script === undefined) continue;
        const lines = linesOf(script, functions);
        if (lines.length === 0) continue;
        const known = total.get(script.path) ?? { lines: new Set(), code: script.original };
        for (const line of lines) known.lines.add(line);
        total.set(script.path, known);
        files[script.path] = lines;
      }
    });
    return files;
  };

  const scriptOf = (id, url) => {
    const known = scripts.get(id);
    if (known !== undefined) return known ?? undefined;
    const read = readScript(session, base, id, url) ?? null;
    scripts.set(id, read);
    return read ?? undefined;
  };

  return {
    /** A test begins: what ran until now was no test's. */
    begin: () => say({ imported: true, files: take() }),
    /** It has ended. */
    end: (id) => say({ cover: id.slice(0, 1_000), files: take() }),
    close: () => {
      say({ imported: true, files: take() });
      for (const [path, { lines, code }] of [...total].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const executable = code.flatMap((line, at) => (NO_CODE.test(line.trim()) ? [] : [at + 1]));
        say({ file: path, executable, covered: [...lines].sort((a, b) => a - b) });
      }
      session.disconnect();
    },
  };
};

/** What is known of a script: where it is from, and which of its characters are of which line. */
function readScript(session, base, id, url) {
  try {
    const full = url.startsWith("file://") ? fileURLToPath(url.split("?")[0]) : url.split("?")[0];
    const path = full.slice(base.length);
    if (!full.startsWith(base) || LEFT_OUT.test(path)) return undefined;
    const text = readFileSync(full, "utf8");
    let source = "";
    session.post("Debugger.getScriptSource", { scriptId: id }, (error, found) => {
      if (error === null) source = found.scriptSource;
    });
    if (source === "" || source.length > 4 * MAX_SOURCE || text.length > MAX_SOURCE) return undefined;
    const original = text.split("\n");
    const points = pointsOf(source, original.length);
    return { path, original, points, ran: new Uint8Array(source.length) };
  } catch {
    return undefined;
  }
}

/** Offsets of the script, each with a line of the file: by the source map, else line by line. */
function pointsOf(source, lineCount) {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  const wrapper = WRAPPERS.map((one) => one.exec(source)?.[0].length ?? 0).find((length) => length > 0) ?? 0;
  const map = mapOf(source);
  const points = [];
  if (map === undefined) {
    for (const [at, start] of starts.entries()) {
      const from = at === 0 ? wrapper : start;
      const indent = /^[ \t]*/.exec(source.slice(from, from + 1_000))[0].length;
      if (at < lineCount) points.push([from + indent, at + 1]);
    }
    return points;
  }
  for (const [generated, column, line] of segmentsOf(map.mappings)) {
    const start = starts[generated];
    if (start === undefined || line >= lineCount) continue;
    points.push([start + column + (generated === 0 ? wrapper : 0), line + 1]);
  }
  return points;
}

function mapOf(source) {
  // The last one: other tools write theirs before it.
  const at = source.lastIndexOf(MAP);
  const found = at < 0 ? null : MAP_DATA.exec(source.slice(at + MAP.length));
  if (found === null) return undefined;
  const map = JSON.parse(Buffer.from(found[1], "base64").toString("utf8"));
  return typeof map.mappings === "string" && Array.isArray(map.sources) && map.sources.length === 1 ? map : undefined;
}

/** Line and column of the script, line of the file, all from 0. */
function* segmentsOf(mappings) {
  let line = 0;
  for (const [generated, part] of mappings.split(";").entries()) {
    let column = 0;
    for (const segment of part === "" ? [] : part.split(",")) {
      const numbers = numbersOf(segment);
      column += numbers[0] ?? 0;
      if (numbers.length < 4) continue;
      line += numbers[2];
      yield [generated, column, line];
    }
  }
}

/** As source maps write numbers: six bits a character, the lowest first, the sign in the lowest of all. */
function numbersOf(segment) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const char of segment) {
    const digit = DIGITS.indexOf(char);
    if (digit < 0) return [];
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

/** Lines of which something ran: of the ranges around a character the innermost says. */
function linesOf({ original, points, ran }, functions) {
  const ranges = functions.flatMap((one) => one.ranges);
  if (!ranges.some(({ count }) => count > 0)) return [];
  ran.fill(0);
  const outerFirst = ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const { startOffset, endOffset, count } of outerFirst) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  const lines = new Set();
  for (const [offset, line] of points) {
    if (ran[offset] === 1 && !NO_CODE.test((original[line - 1] ?? "").trim())) lines.add(line);
  }
  return [...lines].sort((a, b) => a - b);
}
