import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

let compiled: Promise<WebAssembly.Module> | undefined;

/** The engine's WebAssembly, compiled once per process and shared by all workers; instances are never shared. */
export function engineModule(): Promise<WebAssembly.Module> {
  compiled ??= compile();
  return compiled;
}

async function compile(): Promise<WebAssembly.Module> {
  const here = createRequire(import.meta.url);
  const there = createRequire(here.resolve("quickjs-emscripten"));
  return WebAssembly.compile(await readFile(there.resolve("@jitl/quickjs-wasmfile-release-sync/wasm")));
}

/** The engine's version as its package names it. */
export function engineVersion(): string {
  const here = createRequire(import.meta.url);
  const there = createRequire(here.resolve("quickjs-emscripten"));
  const { version } = there("@jitl/quickjs-wasmfile-release-sync/package.json") as { version: string };
  return `QuickJS (quickjs-emscripten ${version})`;
}
