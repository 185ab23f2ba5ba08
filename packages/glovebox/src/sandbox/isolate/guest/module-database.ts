import type { Call } from "./call.ts";

/** The host module `database`: SQLite files of the workspace, opened in the helper sandbox. */
export function makeDatabase(call: Call): Record<string, unknown> {
  const { isView } = ArrayBuffer;
  const { isArray } = Array;
  const hex = (bytes: Uint8Array): string => {
    let text = "";
    for (let i = 0; i < bytes.length; i += 1) text += ((bytes[i] as number) + 256).toString(16).slice(1);
    return text;
  };
  const unhex = (text: string): Uint8Array => {
    const bytes = new Uint8Array(text.length / 2);
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16);
    return bytes;
  };
  const pack = (value: unknown): unknown => {
    if (typeof value === "bigint") return { bigint: `${value}` };
    if (isView(value)) return { hex: hex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) };
    if (typeof value === "boolean") return value ? 1 : 0;
    return value ?? null;
  };
  const unpack = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const { bigint, hex: text } = value as { bigint?: string; hex?: string };
    return bigint === undefined ? unhex(text ?? "") : BigInt(bigint);
  };
  const row = (item: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(item).map(([name, value]) => [name, unpack(value)]));

  return {
    open: (path: unknown) => {
      const { id } = call("db.open", { path }) as { id: number };
      const ask = (what: string, sql: unknown, values: readonly unknown[]) => {
        const list = values.length === 1 && isArray(values[0]) ? (values[0] as unknown[]) : values;
        return call(`db.${what}`, { id, sql: `${sql}`, values: list.map(pack) });
      };
      const all = (sql: unknown, ...values: unknown[]) =>
        (ask("all", sql, values) as Record<string, unknown>[]).map(row);
      return {
        exec: (sql: unknown) => void ask("exec", sql, []),
        run: (sql: unknown, ...values: unknown[]) => row(ask("run", sql, values) as Record<string, unknown>),
        all,
        get: (sql: unknown, ...values: unknown[]) => all(sql, ...values)[0],
        close: () => void call("db.close", { id }),
      };
    },
  };
}
