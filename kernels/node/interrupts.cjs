"use strict";
/**
 * SIGINT for code of every kind. A watchdog thread of Node's, started once and kept, takes the signal: it terminates
 * what runs in `guarded`, and else notes it. So an idle kernel ignores SIGINT, a request that waits for something
 * sees the note at its next look, and one that spins in a callback is terminated by a worker thread, through the
 * inspector.
 */
const contextify = process.binding("contextify");

const LOOK_MS = 15;
const INTERRUPTED = Object.assign(new Error("interrupted"), { name: "Interrupted", stack: "" });

/** For the worker: 1 while a request waits. */
let shared;
let timer;
let waiting = false;

function start() {
  contextify.startSigintWatchdog();
}

/** Forgets a signal that came before. */
function clear() {
  contextify.startSigintWatchdog();
  return contextify.stopSigintWatchdog();
}

/** A listener of the user's for SIGINT takes the signal from the watchdog: not for longer than its request. */
function beforeRun() {
  if (process.listenerCount("SIGINT") === 0) return;
  process.removeAllListeners("SIGINT");
  contextify.stopSigintWatchdog();
  contextify.startSigintWatchdog();
}

function whileWaiting(onInterrupt) {
  waiting = true;
  timer = setInterval(() => {
    if (shared === undefined) startWorker();
    Atomics.store(shared, 0, 1);
    Atomics.notify(shared, 0);
    if (contextify.watchdogHasPendingSigint() && clear()) onInterrupt();
  }, LOOK_MS).unref();
}

function stopWaiting() {
  waiting = false;
  clearInterval(timer);
  if (shared !== undefined) Atomics.store(shared, 0, 0);
}

/** Ends what the main thread does when it has not looked at a signal for several looks. */
const WORKER = `
const { workerData: shared } = require("node:worker_threads");
const { Session } = require("node:inspector");
const contextify = process.binding("contextify");
const session = new Session();
session.connectToMainThread();
for (let seen = 0; ; ) {
  Atomics.wait(shared, 0, 0);
  Atomics.wait(shared, 0, 1, ${2 * LOOK_MS});
  seen = contextify.watchdogHasPendingSigint() ? seen + 1 : 0;
  if (seen >= 3) session.post("Runtime.terminateExecution", () => {});
}`;

function startWorker() {
  const { Worker } = require("node:worker_threads");
  shared = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(WORKER, { eval: true, workerData: shared, execArgv: [], env: {} });
  worker.on("error", () => {});
  worker.unref();
}

const isInterrupt = (error) => error === INTERRUPTED || error?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED";

module.exports = {
  INTERRUPTED,
  beforeRun,
  clear,
  isInterrupt,
  start,
  stopWaiting,
  whileWaiting,
  get waiting() {
    return waiting;
  },
};
