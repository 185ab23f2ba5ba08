import type { Bridge } from "./bridge.ts";

type Require = (name: unknown) => unknown;

export interface Requires {
  /** The `require` of a folder; `""` is the execution's own. */
  make(from: string): Require;
  /** Runs a file anew, whatever ran before, and gives what it exports. */
  run(path: string): unknown;
}

/** Files of the workspace as CommonJS, and the host modules that are offered. */
export function makeRequire(bridge: Bridge, modules: Record<string, unknown>): Requires {
  const cache = Object.create(null) as Record<string, { exports: unknown }>;
  const { apply } = Reflect;
  const { parse } = JSON;
  const { lastIndexOf, slice } = String.prototype;

  const load = (path: string): unknown => {
    const cached = cache[path];
    if (cached) return cached.exports;
    const module: { exports: unknown } = { exports: {} };
    cache[path] = module;
    const folder = apply(slice, path, [0, apply(lastIndexOf, path, ["/"]) + 1]);
    try {
      const run = bridge.compile(path) as (...args: unknown[]) => void;
      apply(run, module.exports, [module.exports, make(folder), module, path, folder]);
    } catch (error) {
      delete cache[path];
      throw error;
    }
    return module.exports;
  };
  const make =
    (from: string): Require =>
    (name) => {
      if (typeof name !== "string") throw new TypeError("require takes the name of a module");
      const [kind, path] = bridge.find(from, name);
      if (kind === "module") return modules[path];
      return kind === "json" ? parse(bridge.text(path)) : load(path);
    };
  const run = (path: string): unknown => {
    delete cache[path];
    return load(path);
  };
  return { make, run };
}
