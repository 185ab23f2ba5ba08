"use strict";
/** Runs a file of the workspace, with the session's globals, anew each time. */
const fs = require("node:fs");
const nodeModule = require("node:module");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const modules = require("./modules.cjs");

/** What Node exits with when a top-level await can never be settled. */
const UNSETTLED_STATUS = 13;
let runs = 0;

/** Starts the file; the request ends when all that it started has ended, as a program would. */
function run(kernel, request) {
  modules.install(kernel);
  const file = fs.realpathSync(path.resolve(request.source));
  request.name = file;
  process.argv[1] = file;
  watchEnd(kernel, request, openHandles());
  const format = formatOf(file, kernel.options);
  if (format === "commonjs") {
    modules.setEntry(pathToFileURL(file).href, format);
    delete nodeModule._cache[file];
    nodeModule._load(file, null, true);
    request.evaluated = true;
    return;
  }
  const url = `${pathToFileURL(file).href}?run=${++runs}`;
  modules.setEntry(url, format);
  import(url).then(
    () => {
      request.evaluated = true;
    },
    (error) => kernel.conclude(request, { error }),
  );
}

function formatOf(file, { esm }) {
  if (/\.m[jt]s$/.test(file)) return "module";
  return /\.c[jt]s$/.test(file) || !esm ? "commonjs" : "module";
}

/**
 * A program ends when nothing is left that could call it back; then its exit status counts. The kernel's own handles
 * do not hold the event loop meanwhile, so Node itself tells. Where an earlier request left something open (a server),
 * the loop never runs dry: there the file is done when no more is open than before it.
 */
function watchEnd(kernel, request, before) {
  const finish = () => {
    if (request !== kernel.request) return stop();
    const status = Number(process.exitCode ?? 0);
    process.exitCode = undefined;
    if (status !== 0) kernel.requestExit(status & 255);
    else if (!request.evaluated) kernel.requestExit(UNSETTLED_STATUS);
    else kernel.conclude(request, { value: undefined });
  };
  const timer = setInterval(() => {
    if (before > 0 && request.evaluated && openHandles() <= before) finish();
  }, 10).unref();
  const stop = () => {
    clearInterval(timer);
    process.off("beforeExit", finish);
    kernel.control.ref();
  };
  process.on("beforeExit", finish);
  kernel.control.unref();
  request.stop = stop;
}

/** What holds the event loop, apart from the pipes of the kernel and of the standard streams. */
function openHandles() {
  return process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap").length;
}

module.exports = { run };
