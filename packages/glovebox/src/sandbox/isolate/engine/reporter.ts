import type { KernelOptions } from "../../driver.ts";
import type { KernelMessage } from "../../kernel-message.ts";
import { GUEST_FILE } from "./guest-source.ts";
import type { Outbox } from "./outbox.ts";

export const LIMITS = {
  /** Bytes of a value's preview. */
  preview: 4096,
  /** Characters of a value's JSON. */
  json: 262_144,
  consoleText: 70_000,
  consoleArgs: 20_000,
  name: 256,
  message: 65_536,
  stack: 16_384,
} as const;

export type ConsoleLevel = Extract<KernelMessage, { t: "console" }>["level"];
type Ending = Extract<KernelMessage, { t: "value" | "exception" }>;

const LEVELS: ReadonlySet<string> = new Set(["log", "info", "warn", "error", "debug"]);

/** Turns what the guest says into messages of the kernel protocol. A request ends once, whatever the guest calls. */
export class Reporter {
  readonly #outbox: Outbox;
  #console: NonNullable<KernelOptions["console"]> = "events";
  #id = "";
  #name = "";
  #ending: Ending | undefined;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  set console(mode: NonNullable<KernelOptions["console"]>) {
    this.#console = mode;
  }

  /** `name`: how stacks name the request's own code. */
  begin(id: string, name: string): void {
    this.#id = id;
    this.#name = name;
    this.#ending = undefined;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  say(level: string, text: string, args: string | undefined): void {
    if (this.#console === "off") return;
    const known = (LEVELS.has(level) ? level : "log") as ConsoleLevel;
    if (this.#console === "stdio") {
      this.#outbox.write(known === "warn" || known === "error" ? "stderr" : "stdout", `${text}\n`);
      return;
    }
    const list: unknown = args === undefined ? undefined : JSON.parse(args);
    const extra = Array.isArray(list) ? { args: list as unknown[] } : {};
    this.#outbox.write("control", line({ t: "console", id: this.#id, level: known, text, ...extra }));
  }

  value(type: string, preview: string, json: string | undefined): void {
    const extra = json === undefined ? {} : { json: JSON.parse(json) as unknown };
    this.#ending ??= { t: "value", id: this.#id, type, preview: oneLine(preview), ...extra };
  }

  exception(name: string, message: string, stack = "", lineNumber = 0, exitCode?: number): void {
    // An error outside of the code itself comes after a value at times: it counts more.
    if (this.#ending?.t === "exception") return;
    const frames = cleanStack(stack);
    const at = lineOf(frames, this.#name) ?? (lineNumber > 0 ? lineNumber : undefined);
    this.#ending = {
      t: "exception",
      id: this.#id,
      name,
      message,
      ...(frames === "" ? {} : { stack: `${name}: ${message}\n${frames}` }),
      ...(at === undefined ? {} : { line: at }),
      ...(exitCode === undefined ? {} : { exitCode }),
    };
  }

  /** Forgets how the request was about to end: it was interrupted while it did. */
  replaceEnding(): void {
    this.#ending = undefined;
  }

  /** Writes the end of the request. */
  finish(cpuMs: number): void {
    const ending = this.#ending ?? { t: "exception", id: this.#id, name: "InternalError", message: "no result" };
    this.#outbox.writeFinal(line(ending));
    this.#outbox.writeFinal(`!${line({ t: "done", id: this.#id, cpuMs })}`);
    this.#outbox.flush();
  }
}

function line(message: KernelMessage): string {
  return `${JSON.stringify(message)}\n`;
}

function oneLine(text: string): string {
  const flat = text.replace(/[\r\n\u2028\u2029]+\s*/g, " ");
  if (Buffer.byteLength(flat) <= LIMITS.preview) return flat;
  const bytes = Buffer.from(flat).subarray(0, LIMITS.preview - 3);
  return `${bytes.toString("utf8").replace(/\ufffd+$/, "")}…`;
}

/** Frames without those of the kernel's own part and without leading blanks of different widths. */
function cleanStack(stack: string): string {
  return stack
    .split("\n")
    .filter((frame) => frame.trim() !== "" && !frame.includes(GUEST_FILE))
    .join("\n")
    .slice(0, LIMITS.stack);
}

/** The line of the request's own code in the uppermost frame that lies in it. */
function lineOf(frames: string, name: string): number | undefined {
  const at = frames.indexOf(`${name}:`);
  const found = at < 0 ? undefined : /^\d+/.exec(frames.slice(at + name.length + 1))?.[0];
  return found === undefined ? undefined : Number(found);
}
