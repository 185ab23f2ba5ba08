import { createHash } from "node:crypto";
import { isGloveboxError } from "../../core/index.ts";
import { type ReadingLimits, ReadingThreads } from "../../syntax/index.ts";
import { parseAction } from "./parse-action.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import type { readings } from "./threads/readings.ts";
import type { WorkflowProblem } from "./workflow.ts";

type Kind = keyof typeof readings;
type Read<K extends Kind> = ReturnType<(typeof readings)[K]>;
interface File {
  readonly path: string;
  readonly text: string;
}

/** `.ts` in development, `.js` when published. */
const MAIN = new URL(`./threads/main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
/** The longest file that is read at once, characters: whatever is in it, it takes some tens of milliseconds. Most files are shorter. */
const SHORT = 8_192;
const LIMITS: ReadingLimits = { cpuLimitMs: 3_000, idleMs: 600_000, waiting: 2_048 };
/** A push, its run and the jobs that call a file read it, one after the other. */
const MAX_KEPT = 64;
const MAX_KEPT_CHARS = 65_536;

/**
 * Reads workflow and action files of others, whose reading can take seconds: long ones in threads that are ended when they take too much time or memory, so that the server
 * goes on meanwhile. What was read is kept for a while.
 */
export class FileReader implements AsyncDisposable {
  readonly #threads: ReadingThreads<typeof readings>;
  readonly #kept = new Map<string, Read<Kind>>();

  constructor(limits: ReadingLimits = {}) {
    this.#threads = new ReadingThreads(MAIN, { ...LIMITS, ...limits });
  }

  /** As {@link parseWorkflow}; a file that takes too much is wrong. Errors: `queue_full`, `cancelled`. */
  workflow(file: File, signal?: AbortSignal): Promise<Read<"workflow">> {
    return this.#read("workflow", parseWorkflow, file, signal);
  }

  /** As {@link parseAction}; likewise. */
  action(file: File, signal?: AbortSignal): Promise<Read<"action">> {
    return this.#read("action", parseAction, file, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads[Symbol.asyncDispose]();
  }

  async #read<K extends Kind>(
    kind: K,
    parse: (file: File) => Read<K>,
    { path, text }: File,
    signal: AbortSignal | undefined,
  ): Promise<Read<K>> {
    const key = createHash("sha256").update(`${kind}\0${path}\0${text}`).digest("base64");
    const known = this.#kept.get(key);
    if (known !== undefined) return known as Read<K>;
    const file = { path, text };
    const read = text.length <= SHORT ? parse(file) : await this.#inThread(kind, file, signal);
    if (text.length <= MAX_KEPT_CHARS) {
      const [oldest] = this.#kept.keys();
      if (this.#kept.size >= MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
      this.#kept.set(key, read);
    }
    return read;
  }

  async #inThread<K extends Kind>(kind: K, file: File, signal: AbortSignal | undefined): Promise<Read<K>> {
    try {
      return (await this.#threads.read(kind, file, signal)) as Read<K>;
    } catch (error) {
      if (!isGloveboxError(error, "payload_too_large")) throw error;
      const message = "The file takes too much time or memory to read";
      const problem: WorkflowProblem = { path: file.path, line: 1, column: 1, message, severity: "error" };
      return { problems: [problem] } as unknown as Read<K>;
    }
  }
}

/** Of the whole process. Its threads start with the first long file, and do not keep the process alive. */
export const fileReader = new FileReader();
