/** Replaces what a program must not use outside its steps by itself with a look at who calls it. Put back when nobody needs it any more. */
import { ChildProcess } from "node:child_process";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { notePeek } from "./guard.ts";

type Undo = () => void;
type Functions = Readonly<Record<string, unknown>>;

const require = createRequire(import.meta.url);

/** The module's own object: what `import { randomUUID } from "node:crypto"` gives follows it. */
function builtin(name: string): Functions {
  return require(`node:${name}`) as Functions;
}

let users = 0;
let undo: readonly Undo[] = [];

/** Watches from now until it is disposed of; what was there before is back once all are. */
export function watchGlobals(): Disposable {
  if (users === 0) {
    undo = [...watchTime(), ...watchChance(), ...watchOutside()];
    syncBuiltinESMExports();
  }
  users += 1;
  let isDisposed = false;
  return {
    [Symbol.dispose]: () => {
      if (isDisposed) return;
      isDisposed = true;
      users -= 1;
      if (users > 0) return;
      for (const step of undo) step();
      undo = [];
      syncBuiltinESMExports();
    },
  };
}

function watchTime(): Undo[] {
  const [timers, promises] = [builtin("timers"), builtin("timers/promises")];
  const names = ["setTimeout", "setInterval", "setImmediate"];
  return [
    watchClock(),
    watch(performance, "now", "performance.now()"),
    watch(process.hrtime, "bigint", "process.hrtime()"),
    watch(process, "hrtime", "process.hrtime()"),
    watch(AbortSignal, "timeout", "AbortSignal.timeout()"),
    ...[globalThis, timers, promises].flatMap((owner) => names.map((name) => watch(owner, name, `${name}()`))),
    watch(promises.scheduler as object, "wait", "scheduler.wait()"),
  ];
}

function watchChance(): Undo[] {
  const names = ["randomUUID", "getRandomValues", "randomBytes", "randomInt", "randomFill", "randomFillSync"];
  return [
    watch(Math, "random", "Math.random()"),
    ...[globalThis.crypto, builtin("crypto")].flatMap((owner) =>
      names.map((name) => watch(owner, name, `crypto.${name}()`)),
    ),
  ];
}

/** What files say, other processes, and the network. */
function watchOutside(): Undo[] {
  const [fs, processes, dns] = [builtin("fs"), builtin("child_process"), builtin("dns")];
  const lookups = /^(lookup|resolve|reverse)/;
  // What a program writes it does again in every life, but learns nothing by it.
  const reads = /^(access|createRead|exists|fstat|glob|lstat|open|read|realpath|stat)/;
  return [
    watch(globalThis, "fetch", "fetch()"),
    watch(Socket.prototype, "connect", "net.connect()"),
    ...watchAll(dns, "dns", lookups),
    ...watchAll(builtin("dns/promises"), "dns", lookups),
    // Whatever starts one without waiting for its end comes by here.
    watch(ChildProcess.prototype, "spawn", "child_process.spawn()"),
    ...watchAll(processes, "child_process", /Sync$/),
    ...watchAll(fs, "fs", reads),
    ...watchAll(builtin("fs/promises"), "fs", reads),
  ];
}

function watchAll(owner: Functions, module: string, names: RegExp): Undo[] {
  return Object.keys(owner)
    .filter((name) => names.test(name))
    .map((name) => watch(owner, name, `${module}.${name}()`));
}

function watch(owner: object, name: string, what: string): Undo {
  const found = Object.getOwnPropertyDescriptor(owner, name);
  const original = (owner as Functions)[name];
  if (typeof original !== "function" || found?.configurable === false) return () => {};
  // Keeps what hangs on it, such as its form for `promisify`.
  const watched = new Proxy(original, {
    apply(target, self, parameters) {
      notePeek(what);
      return Reflect.apply(target, self, parameters) as unknown;
    },
  });
  const { enumerable = false } = found ?? {};
  Object.defineProperty(owner, name, { value: watched, configurable: true, writable: true, enumerable });
  return () => {
    if (found === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, found);
  };
}

function watchClock(): Undo {
  const original = globalThis.Date;
  const undoNow = watch(original, "now", "Date.now()");
  globalThis.Date = new Proxy(original, {
    construct(target, parameters, newTarget) {
      if (parameters.length === 0) notePeek("new Date()");
      return Reflect.construct(target, parameters, newTarget) as Date;
    },
    apply(target, self, parameters) {
      notePeek("Date()");
      return Reflect.apply(target, self, parameters) as string;
    },
  });
  return () => {
    globalThis.Date = original;
    undoNow();
  };
}
