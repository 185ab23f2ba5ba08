import type { InspectSpecial } from "./inspect.ts";

export type PromiseLook = (value: object) => readonly [state: string, value: unknown] | undefined;

/** Objects that are shown by what they hold: functions, errors, dates, collections, promises, bytes. */
export function makeInspectSpecial(promise: PromiseLook): InspectSpecial {
  const { apply } = Reflect;
  const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
  const { isView } = ArrayBuffer;
  const getter = (proto: object, key: PropertyKey) => getOwnPropertyDescriptor(proto, key)?.get as () => unknown;
  const mapSize = getter(Map.prototype, "size");
  const setSize = getter(Set.prototype, "size");
  const source = getter(RegExp.prototype, "source");
  const flags = getter(RegExp.prototype, "flags");
  const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
  const viewName = getter(getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag);
  const viewLength = getter(getPrototypeOf(Uint8Array.prototype) as object, "length");
  const { toISOString, getTime } = Date.prototype;
  const { forEach: eachOfMap } = Map.prototype;
  const { forEach: eachOfSet } = Set.prototype;
  const functionText = Function.prototype.toString;
  const { indexOf } = String.prototype;
  const maxItems = 100;

  /** What `method` gives for `value`, or `undefined` when it is not of the method's kind. */
  const probe = (method: (...args: never[]) => unknown, value: object): unknown => {
    try {
      return apply(method, value, []);
    } catch {
      return undefined;
    }
  };
  const text = (value: object, key: string): string => {
    try {
      const found: unknown = Reflect.get(value, key);
      return typeof found === "string" ? found : "";
    } catch {
      return "";
    }
  };
  const called = (value: object) => {
    const name: unknown = getOwnPropertyDescriptor(value, "name")?.value;
    const isClass = apply(indexOf, apply(functionText, value, []), ["class"]) === 0;
    const label = typeof name === "string" && name !== "" ? name : "(anonymous)";
    return isClass ? `[class ${label}]` : `[Function: ${label}]`;
  };
  const join = (head: string, parts: readonly string[], more: number, brackets: readonly string[] = ["{", "}"]) => {
    let all = "";
    for (let i = 0; i < parts.length; i += 1) all += `${i > 0 ? ", " : ""}${parts[i]}`;
    if (more > 0) all += `${all === "" ? "" : ", "}... ${more} more`;
    const [open, close] = brackets;
    return all === "" ? `${head} ${open}${close}` : `${head} ${open} ${all} ${close}`;
  };

  return (value, show, full) => {
    if (typeof value === "function") return called(value);
    if (value instanceof Error) {
      const stack = text(value, "stack");
      const title = `${text(value, "name") || "Error"}: ${text(value, "message")}`;
      return stack === "" ? `[${title}]` : `${title}\n${stack}`;
    }
    const parts: string[] = [];
    const gather = (item: string) => {
      parts[parts.length] = item;
    };
    const room = () => parts.length < maxItems && !full();
    const maps = probe(mapSize, value);
    if (typeof maps === "number") {
      const each = (item: unknown, key: unknown) => room() && gather(`${show(key)} => ${show(item)}`);
      apply(eachOfMap, value, [each]);
      return join(`Map(${maps})`, parts, maps - parts.length);
    }
    const sets = probe(setSize, value);
    if (typeof sets === "number") {
      apply(eachOfSet, value, [(item: unknown) => room() && gather(show(item))]);
      return join(`Set(${sets})`, parts, sets - parts.length);
    }
    if (isView(value)) {
      const length = probe(viewLength, value) as number;
      for (let i = 0; i < length && room(); i += 1) gather(show((value as Uint8Array)[i]));
      const head = `${probe(viewName, value) ?? "DataView"}(${length ?? 0})`;
      return join(head, parts, (length ?? 0) - parts.length, ["[", "]"]);
    }
    if (typeof probe(getTime, value) === "number") return `${probe(toISOString, value) ?? "Invalid Date"}`;
    const bytes = probe(bufferLength, value);
    if (typeof bytes === "number") return `ArrayBuffer { byteLength: ${bytes} }`;
    if (value instanceof RegExp) return `/${probe(source, value)}/${probe(flags, value)}`;
    const state = promise(value);
    if (!state) return undefined;
    if (state[0] === "pending") return "Promise { <pending> }";
    return `Promise { ${state[0] === "rejected" ? "<rejected> " : ""}${show(state[1])} }`;
  };
}
