import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import {
  DEFAULT_LIMITS,
  type Execution,
  type Isolation,
  type Language,
  type Limits,
  type StoredEvent,
} from "../../core/index.ts";
import { UsageError } from "../failure.ts";
import type { RunArguments } from "./arguments.ts";
import { defaultLanguage, FILE_NAMES, languageOf } from "./language-of.ts";
import { readStdinText } from "./stdin.ts";

/** One program to run, wherever it runs. */
export interface Program {
  /** Its file's name in the workspace. */
  readonly name: string;
  readonly content: Uint8Array;
  readonly language: Language;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly isolation?: Isolation;
  readonly template?: string;
  readonly timeoutMs?: number;
  readonly allowPartial: boolean;
  /** Its events are held in memory until the end (`--json`), so their number and size are limited. */
  readonly collected: boolean;
}

export interface RunHooks {
  /** What the program reads; without it its stdin is empty. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Cancels the program; its end is still reported. */
  readonly signal: AbortSignal;
  /** Called with each event in order; the program waits for what this resolves to. */
  readonly onEvent: (event: StoredEvent) => Promise<void>;
}

/** How a program is run: in this process, or by a server. */
export type Runner = (program: Program, hooks: RunHooks) => Promise<Execution>;

/** Code given by `-` may be this large, as REPL input may. */
const MAX_STDIN_CODE = 8 * 1_048_576;

export async function loadProgram(run: RunArguments): Promise<Program> {
  const common = {
    args: run.args,
    env: run.env,
    allowPartial: run.allowPartial,
    collected: run.json,
    ...(run.isolation !== undefined && { isolation: run.isolation }),
    ...(run.template !== undefined && { template: run.template }),
    ...(run.timeoutMs !== undefined && { timeoutMs: run.timeoutMs }),
  };
  if (run.source.kind === "file") {
    const content = readProgram(run.source.path);
    const language = run.language ?? languageOf(run.source.path, content.subarray(0, 256).toString("latin1"));
    if (language === undefined) {
      throw new UsageError(`cannot tell the language of ${run.source.path}`, "name it with --lang");
    }
    return { ...common, name: basename(run.source.path), content, language };
  }
  const code = run.source.kind === "code" ? run.source.code : await readStdinText(MAX_STDIN_CODE);
  const language = run.language ?? languageOf("", code) ?? defaultLanguage(run.isolation, run.template);
  return { ...common, name: FILE_NAMES[language], content: Buffer.from(code), language };
}

function readProgram(path: string): Buffer {
  try {
    if (statSync(path).isDirectory()) throw new UsageError(`${path} is a folder`, "give the file in it that is to run");
    return readFileSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" });
    throw error;
  }
}

/** What is kept of each stream of a program whose events are collected. */
const COLLECTED_BYTES = 16 * 1_048_576;

/** A time limit above the usual CPU limit would otherwise never be reached by code that computes. */
export function limitsOf({ timeoutMs }: Pick<Program, "timeoutMs">): { wallMs?: number; cpuMs?: number } {
  if (timeoutMs === undefined) return {};
  return timeoutMs > DEFAULT_LIMITS.cpuMs ? { wallMs: timeoutMs, cpuMs: timeoutMs } : { wallMs: timeoutMs };
}

/** Without a server nobody else limits what piles up in this process. */
export function localLimitsOf(program: Pick<Program, "timeoutMs" | "collected">): Partial<Limits> {
  const { maxEvents } = DEFAULT_LIMITS;
  return { ...limitsOf(program), ...(program.collected && { outputBytes: COLLECTED_BYTES, maxEvents }) };
}
