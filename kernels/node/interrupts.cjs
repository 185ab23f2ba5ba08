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

/**
 * Whose turn it is, in memory that both threads see. A termination ends whatever the main thread runs next, be it this
 * kernel's own code: so the worker asks for one only while a request is `WAITING`, which it then takes away until the
 * termination has happened, and the main thread answers a request only after it has taken that away itself.
 */
const IDLE = 0;
const WAITING = 1;
const ANSWERING = 2;
const TERMINATING = 3;

let shared;
let timer;
let waiting = false;
let look = () => {};

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

/** Calls `onLook` now and then, telling whether SIGINT came, until `stopWaiting`. */
function whileWaiting(onLook) {
  waiting = true;
  look = () => {
    if (!waiting) return;
    const interrupted = contextify.watchdogHasPendingSigint();
    if (interrupted && !mayAnswer()) return;
    onLook(interrupted && clear());
  };
  if (shared !== undefined) tellWorker(WAITING);
  // A termination can take the interval with it: from then on the worker's messages bring the looks.
  timer = setInterval(() => {
    if (shared === undefined) startWorker();
    look();
  }, LOOK_MS).unref();
}

/** Whether the request may be answered now: not while a termination is on its way, after which there is another look. */
function mayAnswer() {
  return shared === undefined || Atomics.compareExchange(shared, 0, WAITING, ANSWERING) !== TERMINATING;
}

function stopWaiting() {
  waiting = false;
  clearInterval(timer);
  if (shared !== undefined) Atomics.store(shared, 0, IDLE);
}

function tellWorker(state) {
  Atomics.store(shared, 0, state);
  Atomics.notify(shared, 0);
}

/** Ends what the main thread does when it has not looked at a signal for several looks. */
const WORKER = `
const { parentPort, workerData: shared } = require("node:worker_threads");
const { Session } = require("node:inspector");
const contextify = process.binding("contextify");
const session = new Session();
session.connectToMainThread();
parentPort.ref(); // the answer to a termination does not keep this thread going
const terminate = () => new Promise((done) => session.post("Runtime.terminateExecution", done));
(async () => {
  for (let seen = 0; ; ) {
    Atomics.wait(shared, 0, ${IDLE});
    await new Promise((done) => setTimeout(done, ${2 * LOOK_MS}));
    if (Atomics.load(shared, 0) !== ${WAITING} || !contextify.watchdogHasPendingSigint()) {
      seen = 0;
      continue;
    }
    parentPort.postMessage("look");
    seen += 1;
    if (seen < 3 || Atomics.compareExchange(shared, 0, ${WAITING}, ${TERMINATING}) !== ${WAITING}) continue;
    await terminate();
    seen = 0;
    Atomics.store(shared, 0, ${WAITING});
    parentPort.postMessage("look");
  }
})();`;

function startWorker() {
  const { Worker } = require("node:worker_threads");
  shared = new Int32Array(new SharedArrayBuffer(4));
  tellWorker(WAITING);
  const worker = new Worker(WORKER, { eval: true, workerData: shared, execArgv: [], env: {} });
  worker.on("error", () => {});
  worker.on("message", () => look());
  worker.unref();
}

const isInterrupt = (error) => error === INTERRUPTED || error?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED";

module.exports = {
  INTERRUPTED,
  beforeRun,
  clear,
  isInterrupt,
  mayAnswer,
  start,
  stopWaiting,
  whileWaiting,
  get waiting() {
    return waiting;
  },
};
