import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten";

/** Reads a string of at most `max` characters; its length is asked for first, so that a huge one never leaves the engine. */
export function readText(context: QuickJSContext, handle: QuickJSHandle | undefined, max: number): string {
  if (!handle || context.typeof(handle) !== "string") throw new TypeError("a string is expected");
  const length = context.getProp(handle, "length").consume((value) => context.getNumber(value));
  if (length > max) throw new RangeError(`a string of at most ${max} characters is expected`);
  return context.getString(handle);
}

/** Reads a JSON string literal of the guest, and cuts what is longer than `max` characters. */
export function readLiteral(context: QuickJSContext, handle: QuickJSHandle | undefined, max: number): string {
  // An escape takes up to six characters.
  return parseLiteral(readText(context, handle, max * 6 + 2)).slice(0, max);
}

/** Reads a JSON string literal that must not take more than `max` characters as it is. */
export function readWhole(context: QuickJSContext, handle: QuickJSHandle | undefined, max: number): string {
  return parseLiteral(readText(context, handle, max));
}

function parseLiteral(text: string): string {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "string") throw new TypeError("a string literal is expected");
  return value;
}

export function readNumber(context: QuickJSContext, handle: QuickJSHandle | undefined): number {
  return handle && context.typeof(handle) === "number" ? context.getNumber(handle) : 0;
}

/** Text that is there only when the guest could make it; `undefined` otherwise. */
export function readOptional(
  context: QuickJSContext,
  handle: QuickJSHandle | undefined,
  max: number,
): string | undefined {
  return handle && context.typeof(handle) === "string" ? readText(context, handle, max) : undefined;
}
