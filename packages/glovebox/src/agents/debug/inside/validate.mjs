// Tries candidates of a repair on tests of node:test: many in one process, which is ended and replaced when one of them takes too long.
//
//     node validate.mjs JOB        JOB: JSON, see `main`
//
// Runs in the sandbox. Every candidate is tried in a copy of the repository, with its files changed there. A line of JSON per candidate goes to the file of results.
import { fork } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join, relative } from "node:path";

/** Rounds of one process: modules that were loaded stay in memory. */
const MAX_ROUNDS = 80;
const POLL_MS = 15;
/** Of /proc/PID/stat. */
const TICK_SECONDS = 0.01;

/** A copy of the repository that one candidate after the other is tried in. */
class Slot {
  constructor(job, number) {
    this.job = job;
    this.root = join(job.work, `slot-${number}`);
    this.fresh();
  }

  fresh() {
    const { root, link } = this.job;
    rmSync(this.root, { recursive: true, force: true });
    const isTaken = (path) => basename(path) !== ".git" && !link.includes(relative(root, path));
    cpSync(root, this.root, { recursive: true, verbatimSymlinks: true, filter: isTaken });
    for (const path of link) symlinkSync(join(root, path), join(this.root, path));
    this.seen = this.look();
  }

  /** What tells of files that a test has left behind. */
  look(folder = this.root, seen = new Map()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        this.look(path, seen);
        continue;
      }
      const { size, mtimeMs, ino } = lstatSync(path);
      seen.set(path, `${size} ${mtimeMs} ${ino}`);
    }
    return seen;
  }

  change(files) {
    for (const [path, text] of files) writeFileSync(join(this.root, path), text);
  }

  /** The repository as it was, whatever the tests did to it; false when they did anything. */
  restore(files) {
    if (this.isRestored(files)) return true;
    this.fresh();
    return false;
  }

  isRestored(files) {
    try {
      this.change([...files.keys()].map((path) => [path, this.job.sources[path]]));
      const changed = new Set([...files.keys()].map((path) => join(this.root, path)));
      const before = this.seen;
      this.seen = this.look();
      return (
        before.size === this.seen.size &&
        [...this.seen].every(([path, facts]) => changed.has(path) || before.get(path) === facts)
      );
    } catch {
      return false;
    }
  }
}

/** A process for the candidates of a slot. */
class Worker {
  constructor(slot) {
    this.slot = slot;
    this.rounds = 0;
  }

  async start() {
    const { memoryBytes } = this.slot.job;
    const execArgv = ["--no-warnings", `--max-old-space-size=${memoryBytes >> 20}`];
    const script = join(import.meta.dirname, "validate_worker.mjs");
    this.child = fork(script, [], {
      cwd: this.slot.root,
      execArgv,
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      detached: true,
    });
    this.rounds = 0;
    await this.answer(20);
  }

  stop() {
    try {
      process.kill(-this.child.pid, "SIGKILL");
    } catch {} // it has ended
    this.child = undefined;
  }

  /** Statuses and messages by test, and how the round ended. `cpu`: seconds of the processor that it may take. */
  async run(ids, cpu) {
    if (this.child === undefined || this.rounds >= MAX_ROUNDS) {
      if (this.child !== undefined) this.stop();
      await this.start();
    }
    this.rounds += 1;
    const begun = cpuOf(this.child.pid);
    this.child.send({ ids }, () => {});
    const answer = await this.answer(begun + cpu);
    const took = cpuOf(this.child.pid) - begun;
    if (answer.statuses === undefined) {
      this.stop();
      return { statuses: {}, messages: {}, loaded: undefined, how: answer.how, took: cpu };
    }
    return { ...answer, how: "ended", took };
  }

  answer(cpu) {
    const { child } = this;
    const until = performance.now() + this.slot.job.wallSeconds * 1_000;
    return new Promise((resolve) => {
      const end = (answer) => {
        clearInterval(timer);
        child.removeAllListeners();
        child.on("error", () => {});
        resolve(answer);
      };
      const timer = setInterval(() => {
        if (cpuOf(child.pid) > cpu || performance.now() > until) end({ how: "timeout" });
      }, POLL_MS);
      child.once("message", (message) =>
        end(typeof message === "object" && message !== null ? message : { how: "crashed" }),
      );
      child.once("exit", (code) => end({ how: code === 3 ? "timeout" : "crashed" }));
      child.once("error", () => end({ how: "crashed" }));
    });
  }
}

/** Seconds of the processor that a process has taken. */
function cpuOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
  } catch {
    return 0;
  }
}

function edited(sources, edits) {
  const files = new Map();
  for (const [path, start, end, text] of [...edits].sort((a, b) => b[1] - a[1])) {
    const before = files.get(path) ?? sources[path];
    files.set(path, before.slice(0, start) + text + before.slice(end));
  }
  return files;
}

/** What becomes of the tests with a candidate's edits. */
async function attempt({ job, slot, worker, messages, cpu }, edits) {
  const files = edited(job.sources, edits);
  slot.change(files);
  try {
    let round = await worker.run(job.failing, cpu);
    const hasLoaded = round.loaded === undefined || [...files.keys()].some((path) => round.loaded.includes(path));
    if (!hasLoaded) return { how: "unloaded", fixed: 0, broken: 0, moved: 0 };
    const passes = (id) => round.statuses[id] === "passed";
    let fixed = job.failing.filter(passes);
    const moved = job.failing.filter((id) => round.messages[id] !== undefined && round.messages[id] !== messages[id]);
    let broken = [];
    if (fixed.length > 0) {
      round = await worker.run([...job.failing, ...job.passing], cpu * 2);
      broken = job.passing.filter((id) => !passes(id));
      fixed = job.failing.filter(passes);
    }
    return { how: round.how, fixed: fixed.length, broken: broken.length, moved: moved.length };
  } finally {
    if (!slot.restore(files)) worker.rounds = MAX_ROUNDS;
  }
}

async function workSlot(job, number, put) {
  const slot = new Slot(job, number);
  const worker = new Worker(slot);
  try {
    const passing = await worker.run(job.passing, job.cpuSeconds * 100);
    const least = Math.max(job.cpuSeconds, passing.how === "ended" ? passing.took * 6 : 0);
    const failing = await worker.run(job.failing, job.hangs ? least : job.cpuSeconds * 100);
    const cpu = Math.max(least, failing.how === "ended" ? failing.took * 6 : 0);
    const agrees =
      job.passing.every((id) => passing.statuses[id] === "passed") &&
      !job.failing.some((id) => failing.statuses[id] === "passed");
    for (let at = number; agrees && at < job.candidates.length; at += job.workers) {
      const found = await attempt({ job, slot, worker, messages: failing.messages, cpu }, job.candidates[at]);
      put({ ...found, candidate: at });
    }
    put({ slot: number, agrees });
  } finally {
    if (worker.child !== undefined) worker.stop();
    rmSync(slot.root, { recursive: true, force: true });
  }
}

/**
 * `root`: the repository. `work`: a folder for copies. `failing`, `passing`: ids of tests. `sources`: texts by path. `candidates`: lists of edits [path, start, end,
 * text]. `link`: folders that are not copied. `results`: the file. `workers`, `cpuSeconds`, `wallSeconds`, `memoryBytes`: bounds; of the processor a candidate gets
 * six times what the tests take now, and at least that. `hangs`: failing tests do not end.
 */
async function main() {
  const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
  writeFileSync(job.results, "");
  const put = (record) => appendFileSync(job.results, `${JSON.stringify(record)}\n`);
  await Promise.all(Array.from({ length: job.workers }, (_, number) => workSlot(job, number, put)));
}

await main();
