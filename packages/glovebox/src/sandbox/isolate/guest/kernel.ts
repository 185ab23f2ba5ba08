import type { Bridge, GuestKernel } from "./bridge.ts";
import type { Inspect } from "./inspect.ts";
import type { ToJson } from "./json.ts";

/** Values, errors and the globals of an execution. */
export function makeKernel(
  bridge: Bridge,
  inspect: Inspect,
  toJson: ToJson,
  others: Pick<GuestKernel, "fire" | "forgetTimers" | "run" | "offer">,
): GuestKernel {
  const { parse, stringify } = JSON;
  const { getOwnPropertyDescriptor, getPrototypeOf, defineProperty } = Object;
  const { isArray } = Array;
  const maxJson = 262_144;
  const maxPreview = 4096;
  const maxMessage = 65_536;
  const maxStack = 16_384;
  const cut = String.prototype.slice.call.bind(String.prototype.slice) as (s: string, a: number, b: number) => string;
  let offered = false;

  const typeOf = (value: unknown): string => {
    if (value === null) return "null";
    if (typeof value !== "object") return typeof value;
    if (isArray(value)) return "Array";
    try {
      const proto: unknown = getPrototypeOf(value);
      const made: unknown = proto ? getOwnPropertyDescriptor(proto as object, "constructor")?.value : undefined;
      const name: unknown = typeof made === "function" ? getOwnPropertyDescriptor(made, "name")?.value : undefined;
      return typeof name === "string" && name !== "" ? name : "Object";
    } catch {
      return "Object";
    }
  };
  const preview = (value: unknown): string => {
    try {
      return inspect(value, maxPreview);
    } catch {
      return "[unavailable]";
    }
  };
  const read = (value: object, key: string): unknown => {
    try {
      return Reflect.get(value, key);
    } catch {
      return undefined;
    }
  };
  const describe = (error: unknown): void => {
    if (!(error instanceof Error)) {
      const shown = typeof error === "string" ? cut(error, 0, maxMessage) : preview(error);
      bridge.exception(stringify("Thrown"), stringify(shown), stringify(""), 0);
      return;
    }
    const name = read(error, "name");
    const message = read(error, "message");
    const stack = read(error, "stack");
    const line = read(error, "lineNumber");
    bridge.exception(
      stringify(typeof name === "string" ? cut(name, 0, 256) : "Error"),
      stringify(typeof message === "string" ? cut(message, 0, maxMessage) : preview(message)),
      stringify(typeof stack === "string" ? cut(stack, 0, maxStack) : ""),
      typeof line === "number" ? line : 0,
    );
  };
  const set = (name: string, value: unknown) =>
    defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });

  return {
    ...others,
    report: (value) =>
      bridge.value(stringify(cut(typeOf(value), 0, 256)), stringify(preview(value)), toJson(value, maxJson)),
    fail: describe,
    begin: (args, env, cwd, argv0, withProcess) => {
      const list = parse(args) as string[];
      const variables = parse(env) as Record<string, string>;
      set("args", list);
      set("env", variables);
      if (offered) Reflect.deleteProperty(globalThis, "process");
      offered = withProcess;
      if (!withProcess) return;
      const exit = (code: unknown) => {
        bridge.exit(typeof code === "number" ? code : 0);
        for (;;);
      };
      set("process", { argv: ["isolate", argv0, ...list], env: variables, cwd: () => cwd, exit });
    },
  };
}
