/** Replaces what a program must not use outside its steps by itself with a look at who calls it. Put back when nobody needs it any more. */
import { createRequire, syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { notePeek } from "./guard.ts";

type Undo = () => void;
// The module's own object: what `import { randomUUID } from "node:crypto"` gives follows it.
const crypto = createRequire(import.meta.url)("node:crypto") as Record<string, unknown>;

let users = 0;
let undo: readonly Undo[] = [];

/** Watches from now until it is disposed of; what was there before is back once all are. */
export function watchGlobals(): Disposable {
  if (users === 0) {
    undo = [
      watchClock(),
      watchMethod(performance, "now", "performance.now()"),
      watchMethod(Math, "random", "Math.random()"),
      watchMethod(crypto, "randomUUID", "crypto.randomUUID()"),
      watchMethod(globalThis.crypto, "randomUUID", "crypto.randomUUID()"),
      watchMethod(globalThis, "fetch", "fetch()"),
      watchMethod(Socket.prototype, "connect", "net.connect()"),
    ];
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

function watchMethod(owner: object, name: string, what: string): Undo {
  const found = Object.getOwnPropertyDescriptor(owner, name);
  const original = (owner as Record<string, unknown>)[name];
  if (typeof original !== "function") return () => {};
  const watched = function (this: unknown, ...parameters: unknown[]): unknown {
    notePeek(what);
    return original.apply(this, parameters) as unknown;
  };
  Object.defineProperty(owner, name, {
    value: watched,
    configurable: true,
    writable: true,
    enumerable: found?.enumerable ?? false,
  });
  return () => {
    if (found === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, found);
  };
}

function watchClock(): Undo {
  const original = globalThis.Date;
  const undoNow = watchMethod(original, "now", "Date.now()");
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
