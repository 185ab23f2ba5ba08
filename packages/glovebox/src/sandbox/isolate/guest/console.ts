import type { Inspect } from "./inspect.ts";
import type { ToJson } from "./json.ts";

/** Takes the text as a JSON string literal, and the arguments as a JSON array. */
export type Say = (level: string, text: string, args: string | undefined) => void;

/** The `console` global. Texts are cut at 64 Ki characters, arguments as JSON are left out above 16 Ki. */
export function makeConsole(say: Say, inspect: Inspect, toJson: ToJson): Record<string, unknown> {
  const maxText = 65_536;
  const maxArgs = 16_384;
  const { now } = Date;
  const { stringify } = JSON;
  const cut = String.prototype.slice.call.bind(String.prototype.slice) as (s: string, a: number, b: number) => string;
  const counts: Record<string, number> = Object.create(null) as Record<string, number>;
  const starts: Record<string, number> = Object.create(null) as Record<string, number>;
  let indent = "";

  const format = (args: readonly unknown[]): string => {
    let text = indent;
    for (let i = 0; i < args.length && text.length < maxText; i += 1) {
      const arg = args[i];
      text += `${i > 0 ? " " : ""}${typeof arg === "string" ? cut(arg, 0, maxText) : inspect(arg, maxText)}`;
    }
    return text.length > maxText ? `${cut(text, 0, maxText)}…` : text;
  };
  const at =
    (level: string) =>
    (...args: unknown[]): void =>
      say(level, stringify(format(args)), toJson(args, maxArgs));
  const label = (value: unknown) => cut(`${value ?? "default"}`, 0, 100);
  const line = (level: string, text: string) => say(level, stringify(`${indent}${text}`), undefined);

  const log = at("log");
  return {
    log,
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    debug: at("debug"),
    trace: (...args: unknown[]) => line("debug", `Trace: ${format(args)}\n${new Error().stack ?? ""}`),
    dir: (value: unknown) => log(value),
    table: (value: unknown) => log(value),
    assert: (ok: unknown, ...args: unknown[]) => {
      if (!ok) line("error", `Assertion failed${args.length > 0 ? `: ${format(args)}` : ""}`);
    },
    group: (...args: unknown[]) => {
      if (args.length > 0) log(...args);
      if (indent.length < 40) indent += "  ";
    },
    groupEnd: () => {
      indent = cut(indent, 0, indent.length < 2 ? 0 : indent.length - 2);
    },
    count: (name?: unknown) => {
      const key = label(name);
      counts[key] = (counts[key] ?? 0) + 1;
      line("log", `${key}: ${counts[key]}`);
    },
    time: (name?: unknown) => {
      starts[label(name)] = now();
    },
    timeEnd: (name?: unknown) => {
      const key = label(name);
      const start = starts[key];
      if (start !== undefined) line("log", `${key}: ${now() - start}ms`);
      delete starts[key];
    },
  };
}
