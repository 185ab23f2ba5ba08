// Runs a repository's tests of node:test, a process for each file as `node --test` does, one after the other, and says line by line in a file what came of
// each test.
//
//     node node_tests.mjs CONFIG        CONFIG: JSON, see `runAll`
import { spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readdirSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

const NO_TESTS = 5;
const MAX_FILES = 2_000;
const MAX_TAIL = 4_000;
const MAX_LOAD_MS = 30_000;
const LEFT_OUT = new Set(["node_modules", ".git"]);
/** As in Node's own documentation of `node --test`. */
const TEST_FILE = /(?:^|\/)(?:test|test-[^/]+|[^/]+[._-]test)\.[cm]?[jt]s$/;
const IN_TEST_FOLDER = /(?:^|\/)test\/.*\.[cm]?[jt]s$/;

function testFiles(root) {
  const found = [];
  const look = (folder) => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) look(path);
      else if (entry.isFile() && !path.endsWith(".d.ts") && (TEST_FILE.test(path) || IN_TEST_FOLDER.test(path)))
        found.push(path);
      if (found.length > MAX_FILES) return;
    }
  };
  look("");
  return found.slice(0, MAX_FILES);
}

/**
 * Runs the tests and resolves to an exit code: 0 passed, 1 failed, 5 none. `root`: the repository, absolute. `results`: the file. `only`: ids `file::name` and files.
 * `coverage`: none, total or per_test. `testTimeoutMs`: without a test that begins or ends, until
 * a file's processes are ended. `nodeArgs`: for the processes.
 */
export async function runAll(config) {
  const { root, results, only = [] } = config;
  const fd = openSync(results, "a", 0o600);
  try {
    const files = only.length === 0 ? testFiles(root) : [...new Set(only.map((one) => one.split("::", 1)[0]))].sort();
    let failed = false;
    for (const file of files) failed = !(await runFile(file, config, fd)) || failed;
    put(fd, { done: true });
    return files.length === 0 ? NO_TESTS : failed ? 1 : 0;
  } finally {
    closeSync(fd);
  }
}

function runFile(file, { root, only = [], coverage = "none", testTimeoutMs, nodeArgs = [] }, fd) {
  const here = (name) => pathToFileURL(join(import.meta.dirname, name)).href;
  const wanted = only.includes(file) ? [] : only.filter((one) => one.startsWith(`${file}::`));
  const args = [
    ...nodeArgs,
    ...["--no-warnings", "--import", here("node_collector.mjs")],
    ...[`--test-reporter=${here("node_reporter.mjs")}`, "--test-reporter-destination=stdout"],
    ...wanted.map((id) => `--test-name-pattern=/^${escaped(nameOf(id, file))}$/`),
    join(root, file),
  ];
  const env = { ...process.env, GLOVEBOX_TEST_FILE: file, GLOVEBOX_TEST_FD: "3", GLOVEBOX_TEST_COVERAGE: coverage };
  delete env.NODE_TEST_CONTEXT;
  const child = spawn(process.execPath, args, {
    cwd: root,
    env,
    stdio: ["ignore", "inherit", "pipe", fd],
    detached: true,
  });
  let tail = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    tail = (tail + text).slice(-MAX_TAIL);
    process.stderr.write(text);
  });
  let isLate = false;
  const stop = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {} // it has ended
  };
  const watch =
    testTimeoutMs &&
    watchProgress(fd, testTimeoutMs, () => {
      isLate = true;
      stop();
    });
  return new Promise((resolve) => {
    child.on("error", (error) => {
      tail = String(error);
    });
    child.on("exit", stop); // what a test left behind goes with it
    child.on("close", (code, signal) => {
      clearInterval(watch);
      put(fd, { ended: file, name: basename(file), code: code ?? -1, ...(signal && { signal }), late: isLate, tail });
      resolve(code === 0);
    });
  });
}

/** Calls `late` when nothing is said for so long; until the first word longer, for modules have to be loaded. */
function watchProgress(fd, limitMs, late) {
  let size = fstatSync(fd).size;
  let deadline = performance.now() + limitMs + Math.min(9 * limitMs, MAX_LOAD_MS);
  return setInterval(
    () => {
      const now = fstatSync(fd).size;
      if (now !== size) deadline = performance.now() + limitMs;
      size = now;
      if (performance.now() > deadline) late();
    },
    Math.min(100, limitMs),
  );
}

/** Patterns are held against the names of a test and those around it, with spaces between them. */
function nameOf(id, file) {
  return id
    .slice(file.length + 2)
    .split(" > ")
    .join(" ");
}

function escaped(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function put(fd, record) {
  let data = Buffer.from(`${JSON.stringify(record)}\n`);
  while (data.length > 0) data = data.subarray(writeSync(fd, data));
}

if (process.argv[1] === import.meta.filename) process.exitCode = await runAll(JSON.parse(process.argv[2]));
