import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten";
import type { Bridge } from "../guest/bridge.ts";
import { readLiteral, readNumber, readOptional, readText, readWhole } from "./handles.ts";
import type { Modules } from "./modules.ts";
import { LIMITS, type Reporter } from "./reporter.ts";
import type { Timers } from "./timers.ts";

const MAX_NAME = 4096;
/** Bytes of one synchronous call's input. */
const MAX_INPUT = 16 * 1_048_576;

export interface BridgeTargets {
  readonly reporter: Reporter;
  readonly timers: Timers;
  readonly modules: Modules;
  exit(code: number): void;
  call(name: string, input: string, bytes: Uint8Array | undefined): string | Uint8Array;
}

type Functions = { readonly [K in keyof Bridge]: (...args: QuickJSHandle[]) => QuickJSHandle | undefined };

/** The functions that the guest's part of the kernel is given. Each takes hostile arguments. */
export function bridgeFunctions(context: QuickJSContext, targets: BridgeTargets): Functions {
  const { reporter, timers, modules } = targets;
  const text = (handle: QuickJSHandle | undefined, max: number) => readText(context, handle, max);
  const literal = (handle: QuickJSHandle | undefined, max: number) => readLiteral(context, handle, max);
  return {
    say: (level, said, args) => {
      const json = readOptional(context, args, LIMITS.consoleArgs);
      reporter.say(text(level, 16), literal(said, LIMITS.consoleText), json);
      return undefined;
    },
    value: (type, preview, json) => {
      const data = readOptional(context, json, LIMITS.json);
      reporter.value(literal(type, LIMITS.name), literal(preview, LIMITS.json), data);
      return undefined;
    },
    exception: (name, message, stack, line) => {
      const where = literal(stack, LIMITS.stack);
      reporter.exception(
        literal(name, LIMITS.name),
        usualMessage(literal(message, LIMITS.message)),
        where,
        readNumber(context, line),
      );
      return undefined;
    },
    promise: (value) => promiseState(context, value),
    addTimer: (delay, repeat) => {
      const repeats = repeat !== undefined && context.sameValue(repeat, context.true);
      return context.newNumber(timers.add(readNumber(context, delay), repeats));
    },
    removeTimer: (id) => {
      timers.remove(readNumber(context, id));
      return undefined;
    },
    exit: (code) => {
      targets.exit(Math.trunc(readNumber(context, code)) & 0xff);
      return undefined;
    },
    find: (from, name) => {
      const found = modules.find(text(from, MAX_NAME), text(name, MAX_NAME));
      return list(context, [context.newString(found.kind), context.newString(found.path)]);
    },
    compile: (path) => modules.compile(context, text(path, MAX_NAME)),
    text: (path) => context.newString(modules.text(text(path, MAX_NAME))),
    call: (name, input, bytes) => {
      const answer = targets.call(text(name, 64), text(input, MAX_INPUT), readBytes(context, bytes));
      return typeof answer === "string" ? context.newString(answer) : buffer(context, answer);
    },
    decode: (bytes, encoding) => {
      const wanted = text(encoding, 32);
      const known = Buffer.isEncoding(wanted) ? wanted : "utf8";
      const data = readBytes(context, bytes) ?? new Uint8Array();
      return context.newString(JSON.stringify(Buffer.from(data.buffer).toString(known)));
    },
    encode: (said) => buffer(context, Buffer.from(readWhole(context, said, MAX_INPUT), "utf8")),
  };
}

function buffer(context: QuickJSContext, bytes: Uint8Array): QuickJSHandle {
  return context.newArrayBuffer(new Uint8Array(bytes).buffer);
}

function list(context: QuickJSContext, items: readonly QuickJSHandle[]): QuickJSHandle {
  const array = context.newArray();
  for (const [index, item] of items.entries()) item.consume((value) => context.setProp(array, index, value));
  return array;
}

function promiseState(context: QuickJSContext, value: QuickJSHandle | undefined): QuickJSHandle | undefined {
  if (!value || context.typeof(value) !== "object") return undefined;
  const state = context.getPromiseState(value);
  if (state.type === "pending") return list(context, [context.newString("pending"), context.undefined]);
  if (state.type === "rejected") return list(context, [context.newString("rejected"), state.error]);
  // A value that is no promise is handed back as it came: it is not ours to dispose.
  return state.notAPromise ? undefined : list(context, [context.newString("fulfilled"), state.value]);
}

function readBytes(context: QuickJSContext, handle: QuickJSHandle | undefined): Uint8Array | undefined {
  if (!handle || context.typeof(handle) !== "object") return undefined;
  const bytes = context.getArrayBuffer(handle);
  try {
    if (bytes.value.byteLength > MAX_INPUT) throw new RangeError("too many bytes for one call");
    return bytes.value.slice();
  } finally {
    bytes.dispose();
  }
}

/** Other engines, and so people and models, write the name without quotes. */
function usualMessage(message: string): string {
  return message.replace(/^'([^']{1,200})' is not defined$/, "$1 is not defined");
}
