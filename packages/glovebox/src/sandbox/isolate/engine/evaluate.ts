import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten";
import type { KernelOptions } from "../../driver.ts";
import type { KernelRequest } from "../../kernel-message.ts";
import type { Modules } from "./modules.ts";
import { allowRedeclaration } from "./redeclare.ts";
import { stripTypes } from "./typescript.ts";

/** QuickJS's own flags of `JS_Eval`. */
const STRICT = 1 << 3;
const COMPILE_ONLY = 1 << 5;
/** Allows `await` at the top; the result is a promise of `{ value }`. */
const ASYNC = 1 << 7;

type Result = { readonly error?: undefined; readonly value: QuickJSHandle } | { readonly error: QuickJSHandle };

export type Evaluated =
  | { readonly error: QuickJSHandle }
  | {
      readonly error?: undefined;
      /** A promise, or what is to be taken as its result. */
      readonly value: QuickJSHandle;
      /** From what the promise gives to the execution's value. */
      readonly pick: (fulfilled: QuickJSHandle) => QuickJSHandle;
    };

/** Starts the code of a request. What REPL input declares at its top stays for the next one. `name`: its file name in stacks. */
export function evaluate(
  context: QuickJSContext,
  request: KernelRequest,
  name: string,
  options: KernelOptions,
  modules: Modules,
  runScript: (path: string) => Result,
): Evaluated {
  if (request.mode !== "file") return repl(context, request, name, options.strict === true);
  const entry = modules.entry(request.source);
  // As a program, a file has no value.
  const pick = () => context.undefined;
  const result = isModule(entry.path, options)
    ? context.evalCode(entry.source, entry.path, { type: "module" })
    : runScript(entry.path);
  return result.error ? { error: result.error } : { value: result.value, pick };
}

function isModule(path: string, { esm = true }: KernelOptions): boolean {
  if (/\.m[jt]s$/.test(path)) return true;
  return esm && !/\.c[jt]s$/.test(path);
}

function repl(context: QuickJSContext, request: KernelRequest, name: string, strict: boolean): Evaluated {
  const plain = request.language === "typescript" ? stripTypes(request.source) : request.source;
  const source = allowRedeclaration(plain);
  const flags = ASYNC | (strict ? STRICT : 0);
  const code = isObjectLiteral(context, source, flags) ? `(${source}\n)` : source;
  const result = context.evalCode(code, name, flags);
  if (result.error) return { error: result.error };
  return { value: result.value, pick: (done) => context.getProp(done, "value") };
}

/** Whether code such as `{ a: 1 }` is meant as an object and not as a block, as every REPL takes it. */
function isObjectLiteral(context: QuickJSContext, source: string, flags: number): boolean {
  if (!/^\s*\{/.test(source) || /;\s*$/.test(source)) return false;
  const result = context.evalCode(`(${source}\n)`, "<check>", flags | COMPILE_ONLY);
  if (result.error) result.error.dispose();
  else result.value.dispose();
  return result.error === undefined;
}
