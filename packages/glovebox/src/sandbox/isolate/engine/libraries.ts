import type { QuickJSContext } from "quickjs-emscripten";
import { readText } from "./handles.ts";

/** A library that does not run in the engine. */
export class LibraryError extends Error {}

/**
 * Evaluates libraries (UMD, CommonJS or plain scripts) and offers each under its global name, before any untrusted
 * code runs.
 */
export function installLibraries(context: QuickJSContext, libraries: Readonly<Record<string, string>>): void {
  for (const [name, source] of Object.entries(libraries)) {
    const file = `library:${name}`;
    const wrapped = `(function (exports, module) {${source}\n})`;
    const install = `(run, name) => {
      const module = { exports: {} };
      run.call(globalThis, module.exports, module);
      const made = module.exports;
      const empty = typeof made === "object" && made !== null && Reflect.ownKeys(made).length === 0;
      const value = empty ? globalThis[name] : made;
      if (value === undefined) throw new Error("it defines nothing");
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
    }`;
    const compiled = context.evalCode(wrapped, file);
    const failed = compiled.error ?? call(context, install, file, compiled.value, name);
    compiled.dispose();
    if (!failed) continue;
    const message = context.getProp(failed, "message").consume((handle) => readText(context, handle, 10_000));
    if (failed.alive) failed.dispose();
    throw new LibraryError(`the library ${name} does not run in an isolate: ${message}`);
  }
}

type Handle = ReturnType<QuickJSContext["newString"]>;

function call(context: QuickJSContext, code: string, file: string, run: Handle, name: string): Handle | undefined {
  const install = context.unwrapResult(context.evalCode(code, file));
  const label = context.newString(name);
  const result = context.callFunction(install, context.undefined, run, label);
  install.dispose();
  label.dispose();
  if (result.error) return result.error;
  result.value.dispose();
  return undefined;
}
