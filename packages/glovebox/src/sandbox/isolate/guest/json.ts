export type ToJson = (value: unknown, limit: number) => string | undefined;

/**
 * What `JSON.stringify` gives for plain data and what has a `toJSON`. `undefined` for anything else (a map, NaN, a
 * cycle) and for what takes more than `limit` characters, at a cost that the limit bounds.
 */
export function makeToJson(): ToJson {
  const { stringify } = JSON;
  const { keys, getPrototypeOf, prototype: plainPrototype } = Object;
  const finite = Number.isFinite;
  const { isArray } = Array;
  const { apply } = Reflect;
  const stop = {};
  const maxDepth = 60;

  return (root, limit) => {
    let left = limit;
    const take = (text: string): string => {
      left -= text.length;
      if (left < 0) throw stop;
      return text;
    };
    const plain = (value: unknown, key: string): unknown => {
      if ((typeof value !== "object" || value === null) && typeof value !== "function") return value;
      const convert: unknown = (value as { toJSON?: unknown }).toJSON;
      return typeof convert === "function" ? apply(convert, value, [key]) : value;
    };
    const list = (value: readonly unknown[], depth: number): string => {
      if (value.length * 2 > left) throw stop;
      let text = take("[");
      for (let i = 0; i < value.length; i += 1) {
        text += `${i > 0 ? take(",") : ""}${write(value[i], `${i}`, depth) ?? take("null")}`;
      }
      return text + take("]");
    };
    const record = (value: Record<string, unknown>, depth: number): string => {
      const names = keys(value);
      if (names.length * 4 > left + 64) throw stop;
      let text = take("{");
      for (let i = 0; i < names.length; i += 1) {
        const name = names[i] as string;
        const item = write(value[name], name, depth);
        if (item !== undefined) text += `${text === "{" ? "" : take(",")}${take(stringify(name))}${take(":")}${item}`;
      }
      return text + take("}");
    };
    const write = (input: unknown, key: string, depth: number): string | undefined => {
      const value = plain(input, key);
      if (typeof value === "string") {
        if (value.length > left) throw stop;
        return take(stringify(value));
      }
      if (typeof value === "boolean" || value === null) return take(stringify(value));
      if (typeof value === "number" && finite(value)) return take(stringify(value));
      if (typeof value === "number" || typeof value === "bigint") throw stop;
      if (typeof value !== "object") return undefined;
      if (depth > maxDepth) throw stop;
      const proto: unknown = isArray(value) ? null : getPrototypeOf(value);
      if (proto !== null && proto !== plainPrototype) throw stop;
      return isArray(value) ? list(value, depth + 1) : record(value as Record<string, unknown>, depth + 1);
    };
    try {
      return write(root, "", 0);
    } catch {
      return undefined;
    }
  };
}
