/**
 * Code of this folder runs inside the sandbox: its functions are turned to text and evaluated in the engine before
 * any untrusted code, so each stands alone and takes what it needs as arguments. Nothing of the wall depends on it.
 */

export type Inspect = (value: unknown, limit: number) => string;
/** `undefined` when the object is none of the special kinds. */
export type InspectSpecial = (
  value: object,
  show: (value: unknown) => string,
  full: () => boolean,
) => string | undefined;

/** A value on one line, as in a REPL: at most about `limit` characters, four levels, a hundred items a level. */
export function makeInspect(special: InspectSpecial): Inspect {
  const { stringify } = JSON;
  const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
  const { ownKeys } = Reflect;
  const identifier = /^[A-Za-z_$][\w$]*$/;
  const test = RegExp.prototype.test.call.bind(RegExp.prototype.test) as (pattern: RegExp, text: string) => boolean;
  const symbolText = Symbol.prototype.toString.call.bind(Symbol.prototype.toString) as (value: symbol) => string;
  const cut = String.prototype.slice.call.bind(String.prototype.slice) as (s: string, a: number, b: number) => string;
  const search = String.prototype.indexOf.call.bind(String.prototype.indexOf) as (s: string, part: string) => number;
  const replace = String.prototype.replaceAll.call.bind(String.prototype.replaceAll) as (
    s: string,
    part: string,
    by: string,
  ) => string;
  const escapedQuote = '\\"';
  const maxDepth = 4;
  const maxItems = 100;

  return (root, limit) => {
    let left = limit;
    const path: object[] = [];
    const take = (text: string): string => {
      left -= text.length;
      return text;
    };
    const full = () => left <= 0;
    const quote = (text: string): string => {
      const json = stringify(text.length > left ? `${cut(text, 0, left)}…` : text);
      if (search(text, "'") !== -1) return json;
      return `'${replace(cut(json, 1, json.length - 1), escapedQuote, '"')}'`;
    };
    const name = (value: object): string => {
      const proto: unknown = getPrototypeOf(value);
      if (proto === null) return "[Object: null prototype]";
      const made: unknown = getOwnPropertyDescriptor(proto as object, "constructor")?.value;
      const called: unknown = typeof made === "function" ? getOwnPropertyDescriptor(made, "name")?.value : undefined;
      return typeof called === "string" ? cut(called, 0, 100) : "Object";
    };
    const field = (value: object, key: string | symbol): string => {
      const d = getOwnPropertyDescriptor(value, key);
      if (!d) return "undefined";
      if (d.get) return take(d.set ? "[Getter/Setter]" : "[Getter]");
      return d.set ? take("[Setter]") : show(d.value);
    };
    const wrap = (prefix: string, open: string, parts: readonly string[], close: string, more: number) => {
      let text = "";
      for (let i = 0; i < parts.length; i += 1) text += `${i > 0 ? ", " : ""}${parts[i]}`;
      if (more > 0) text += `${text === "" ? "" : ", "}... ${more} more item${more > 1 ? "s" : ""}`;
      const head = prefix === "" ? "" : `${prefix} `;
      return text === "" ? `${head}${open}${close}` : `${head}${open} ${text} ${close}`;
    };
    const list = (value: readonly unknown[]): string => {
      const parts: string[] = [];
      let i = 0;
      for (; i < value.length && i < maxItems && !full(); i += 1) {
        parts[i] = getOwnPropertyDescriptor(value, `${i}`) ? field(value, `${i}`) : take("<empty>");
      }
      const called = name(value);
      return wrap(called === "Array" ? "" : `${called}(${value.length})`, "[", parts, "]", value.length - i);
    };
    const record = (value: object): string => {
      const keys = ownKeys(value);
      const parts: string[] = [];
      let more = 0;
      for (let i = 0; i < keys.length; i += 1) {
        const key = keys[i] as string | symbol;
        if (parts.length >= maxItems || full()) more += 1;
        else if (getOwnPropertyDescriptor(value, key)?.enumerable) {
          const label = typeof key === "symbol" ? `[${symbolText(key)}]` : test(identifier, key) ? key : quote(key);
          parts[parts.length] = `${take(label)}: ${field(value, key)}`;
        }
      }
      const called = name(value);
      return wrap(called === "Object" ? "" : called, "{", parts, "}", more);
    };
    const object = (value: object): string => {
      for (let i = 0; i < path.length; i += 1) if (path[i] === value) return take("[Circular]");
      if (path.length >= maxDepth) return take(Array.isArray(value) ? "[Array]" : `[${name(value)}]`);
      path[path.length] = value;
      const text = special(value, show, full) ?? (Array.isArray(value) ? list(value) : record(value));
      path.length -= 1;
      return text;
    };
    const show = (value: unknown): string => {
      if (full()) return "…";
      if (typeof value === "string") return take(quote(value));
      if (typeof value === "bigint") return take(`${value}n`);
      if (typeof value === "symbol") return take(symbolText(value));
      if (typeof value === "number") return take(value === 0 && 1 / value < 0 ? "-0" : `${value}`);
      if (value === null || (typeof value !== "object" && typeof value !== "function")) return take(`${value}`);
      return object(value);
    };
    return show(root);
  };
}
