import { type Command, InvalidArgumentError } from "commander";
import type { GlobalFlags } from "../connect.ts";

/** What a command was given, with the options that every command takes. */
export function flagsOf<T extends object>(command: Command): T & GlobalFlags {
  return command.optsWithGlobals<T & GlobalFlags>();
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`it must be a whole number from ${min}${max < 2 ** 53 - 1 ? ` to ${max}` : ""}.`);
  };
}

export function positive(text: string): number {
  const value = Number(text);
  if (/^(\d+(\.\d*)?|\.\d+)$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError("it must be a number above 0.");
}

/** Seconds on the command line, milliseconds inside. */
export function secondsAsMs(text: string): number {
  return Math.max(1, Math.round(positive(text) * 1000));
}

/** `a,b`, and repeatable. */
export function list(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").filter((item) => item !== "")];
}

/** `NAME=VALUE`, repeatable. */
export function pairs(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("it must be NAME=VALUE.");
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** Permission bits as `chmod` takes them. */
export function octal(text: string): number {
  if (!/^[0-7]{1,4}$/.test(text)) throw new InvalidArgumentError("it must be octal, like 644.");
  return Number.parseInt(text, 8);
}
