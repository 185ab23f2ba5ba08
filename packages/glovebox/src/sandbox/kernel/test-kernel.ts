/** A language kernel driven over real pipes, for tests: no sandbox around it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { KernelOptions } from "../driver.ts";
import type { KernelMessage, KernelRequest } from "../kernel-message.ts";
import { encodeKernelRequest } from "./encode-request.ts";
import { KERNEL_OPTIONS_ENV, kernelArgv } from "./languages.ts";
import { KernelMessageReader } from "./message-reader.ts";

const KERNELS = fileURLToPath(new URL("../../../../../kernels", import.meta.url));

type KernelLanguage = Exclude<KernelRequest["language"], "rust">;
type Ending = Extract<KernelMessage, { t: "value" | "exception" }>;

export interface Answer {
  /** Everything but `done`, as it came. */
  readonly messages: readonly KernelMessage[];
  /** The one `value` or `exception`. */
  readonly ending: Ending;
  readonly done: Extract<KernelMessage, { t: "done" }>;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Ask extends Partial<Omit<KernelRequest, "source">> {
  /** Sends SIGINT to the kernel's process group this many milliseconds after the request, or after `begunFile` is there. */
  readonly interruptAfterMs?: number;
  /** A file of the workspace that the code writes when it is where it shall be interrupted: on a loaded machine no fixed time will do. */
  readonly begunFile?: string;
  /** Sends it again every so many milliseconds until the request is over, as sessions do with Bash. */
  readonly interruptEveryMs?: number;
}

export class TestKernel implements AsyncDisposable {
  readonly workspace = mkdtempSync(join(tmpdir(), "glovebox-kernel-"));
  readonly ready: Promise<Extract<KernelMessage, { t: "ready" }>>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly process: ChildProcess;
  readonly #language: KernelLanguage;
  readonly #reader = new KernelMessageReader();
  readonly #messages: KernelMessage[] = [];
  #stdout = "";
  #stderr = "";
  #wake: () => void = () => {};
  #ids = 0;

  constructor(language: KernelLanguage, options: { env?: Record<string, string>; kernelOptions?: KernelOptions } = {}) {
    this.#language = language;
    const [program = "", ...args] = kernelArgv(language, { kernels: KERNELS, node: process.execPath }) ?? [];
    this.process = spawn(program, args, {
      cwd: this.workspace,
      detached: true,
      stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        HOME: this.workspace,
        LANG: "C.UTF-8",
        PYTHONDONTWRITEBYTECODE: "1",
        ...(options.kernelOptions && { [KERNEL_OPTIONS_ENV]: JSON.stringify(options.kernelOptions) }),
        ...options.env,
      },
    });
    this.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    (this.process.stdio[4] as Readable).on("data", (chunk: Buffer) => {
      this.#messages.push(...this.#reader.push(chunk));
      this.#wake();
    });
    (this.process.stdio[3] as Writable).on("error", () => {});
    this.exited = new Promise((resolve) => {
      this.process.on("close", (code, signal) => {
        resolve({ code, signal });
        this.#wake();
      });
    });
    this.ready = this.#next().then((message) => {
      if (message.t !== "ready") throw new Error(`the kernel began with ${message.t}`);
      return message;
    });
  }

  /** Sends a request and waits for its end. Rejects when the kernel ends before. */
  async run(source: string, ask: Ask = {}): Promise<Answer> {
    await this.ready;
    const { interruptAfterMs, interruptEveryMs, begunFile, ...more } = ask;
    const id = `r${++this.#ids}`;
    this.#stdout = "";
    this.#stderr = "";
    this.write(encodeKernelRequest({ id, mode: "repl", language: this.#language, args: [], env: {}, source, ...more }));
    const over = new AbortController();
    using _stop = { [Symbol.dispose]: () => over.abort() };
    if (interruptAfterMs !== undefined) {
      void this.#interruptLater(interruptAfterMs, begunFile, interruptEveryMs, over.signal);
    }
    const messages: KernelMessage[] = [];
    for (;;) {
      const message = await this.#next();
      if (message.t === "ready" || message.id !== id) throw new Error(`not of ${id}: ${JSON.stringify(message)}`);
      if (message.t !== "done") {
        messages.push(message);
        continue;
      }
      const endings = messages.filter((one): one is Ending => one.t === "value" || one.t === "exception");
      const [ending] = endings;
      if (ending === undefined || endings.length > 1) throw new Error(`${endings.length} endings`);
      await this.settled();
      return { messages, ending, done: message, stdout: this.#stdout, stderr: this.#stderr };
    }
  }

  /** Runs `text` as a file of the workspace. */
  runFile(name: string, text: string, ask: Ask = {}): Promise<Answer> {
    this.file(name, text);
    return this.run(name, { ...ask, mode: "file" });
  }

  file(name: string, text: string): string {
    const path = join(this.workspace, name);
    if (dirname(name) !== ".") mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  write(bytes: Uint8Array): void {
    (this.process.stdio[3] as Writable).write(bytes);
  }

  interrupt(): void {
    const { pid } = this.process;
    if (pid === undefined || this.process.exitCode !== null || this.process.signalCode !== null) return;
    process.kill(-pid, "SIGINT");
  }

  async #interruptLater(
    afterMs: number,
    begunFile: string | undefined,
    everyMs: number | undefined,
    over: AbortSignal,
  ): Promise<void> {
    const begun = begunFile === undefined ? undefined : join(this.workspace, begunFile);
    while (begun !== undefined && !existsSync(begun)) {
      if (this.process.exitCode !== null || this.process.signalCode !== null) return;
      await sleep(10);
    }
    await sleep(afterMs);
    do {
      this.interrupt();
      if (everyMs !== undefined) await sleep(everyMs);
    } while (everyMs !== undefined && !over.aborted);
  }

  /** What was in the pipes when the last message was written has been read. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async #next(): Promise<KernelMessage> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`the kernel ended (${this.process.exitCode ?? this.process.signalCode}): ${this.#stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.process.pid !== undefined) process.kill(-this.process.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
    this.process.kill("SIGKILL");
    await this.exited;
    rmSync(this.workspace, { recursive: true, force: true });
  }
}
