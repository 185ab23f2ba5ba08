import type { Bridge, GuestKernel } from "./bridge.ts";

/** Defines `setTimeout` and its kin and `queueMicrotask`. They work while an execution runs. */
export function installTimers(
  bridge: Bridge,
  uncaught: (error: unknown) => void,
): Pick<GuestKernel, "fire" | "forgetTimers"> {
  const { apply } = Reflect;
  const { get, set, delete: remove, clear } = Map.prototype;
  const { then } = Promise.prototype;
  const settled = Promise.resolve();
  const entries = new Map<number, { readonly run: () => void }>();

  const add = (callback: unknown, delay: unknown, args: readonly unknown[], repeat: boolean): number => {
    if (typeof callback !== "function") throw new TypeError("the callback must be a function");
    const id = bridge.addTimer(typeof delay === "number" ? delay : 0, repeat);
    apply(set, entries, [id, { run: () => apply(callback, undefined, args) }]);
    return id;
  };
  const drop = (id: unknown): void => {
    if (typeof id !== "number") return;
    apply(remove, entries, [id]);
    bridge.removeTimer(id);
  };
  const define = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });

  define("setTimeout", (callback: unknown, delay?: unknown, ...args: unknown[]) => add(callback, delay, args, false));
  define("setInterval", (callback: unknown, delay?: unknown, ...args: unknown[]) => add(callback, delay, args, true));
  define("setImmediate", (callback: unknown, ...args: unknown[]) => add(callback, 0, args, false));
  define("clearTimeout", drop);
  define("clearInterval", drop);
  define("clearImmediate", drop);
  define("queueMicrotask", (callback: unknown) => {
    if (typeof callback !== "function") throw new TypeError("the callback must be a function");
    const run = () => {
      try {
        callback();
      } catch (error) {
        uncaught(error);
      }
    };
    apply(then, settled, [run]);
  });

  return {
    fire: (id, last) => {
      const entry = apply(get, entries, [id]) as { readonly run: () => void } | undefined;
      if (last) apply(remove, entries, [id]);
      try {
        entry?.run();
      } catch (error) {
        uncaught(error);
      }
    },
    forgetTimers: () => apply(clear, entries, []),
  };
}
