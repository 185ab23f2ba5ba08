/** What the tests of this folder share: a session with one kernel, asked line by line. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS, newId, type SessionLimits } from "../../core/index.ts";
import type { IsolationDriver, KernelOptions, Sandbox } from "../driver.ts";
import { encodeKernelRequest, KernelMessageReader } from "../kernel/index.ts";
import type { KernelMessage, KernelRequest } from "../kernel-message.ts";
import type { ProcessExit, ProcessItem, ProcessLimits, SandboxProcess } from "../process.ts";

export type Ending = Extract<KernelMessage, { t: "value" | "exception" }>;

/** What one request brought. */
export interface Outcome {
  readonly ending: Ending | undefined;
  readonly messages: readonly KernelMessage[];
  readonly stdout: string;
  readonly stderr: string;
  readonly limits: readonly Extract<ProcessItem, { kind: "limit" }>[];
  /** Set when the kernel ended. */
  readonly exit: ProcessExit | undefined;
}

export interface OpenOptions {
  readonly limits?: Partial<SessionLimits>;
  readonly kernel?: KernelOptions;
  readonly env?: Readonly<Record<string, string>>;
}

/** A session over a workspace of its own. */
export class TestSession implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly workspace: string;
  kernel: SandboxProcess;
  #items: AsyncIterator<ProcessItem>;
  #reader = new KernelMessageReader();

  private constructor(sandbox: Sandbox, workspace: string, kernel: SandboxProcess) {
    this.sandbox = sandbox;
    this.workspace = workspace;
    this.kernel = kernel;
    this.#items = kernel.output()[Symbol.asyncIterator]();
  }

  static async open(driver: IsolationDriver, options: OpenOptions = {}): Promise<TestSession> {
    const workspace = await mkdtemp(join(tmpdir(), "glovebox-isolate-"));
    const sandbox = await driver.create({
      id: newId(),
      workspaceDir: workspace,
      limits: { ...DEFAULT_LIMITS, memoryMb: 128, ...options.limits },
      allowPartial: true,
      env: options.env ?? {},
      languages: ["javascript", "typescript"],
      ...(options.kernel ? { kernelOptions: options.kernel } : {}),
    });
    try {
      const kernel = await sandbox.spawn({ kind: "kernel", language: "javascript" });
      return new TestSession(sandbox, workspace, kernel);
    } catch (error) {
      await sandbox.destroy();
      await rm(workspace, { recursive: true, force: true });
      throw error;
    }
  }

  /** A new kernel in place of one that has ended. */
  async restart(): Promise<void> {
    this.kernel = await this.sandbox.spawn({ kind: "kernel", language: "javascript" });
    this.#items = this.kernel.output()[Symbol.asyncIterator]();
    this.#reader = new KernelMessageReader();
  }

  /** Evaluates `source` and waits for its end. */
  async repl(
    source: string,
    limits: ProcessLimits = { wallMs: 20_000, graceMs: 500 },
    request: Partial<KernelRequest> = {},
  ): Promise<Outcome> {
    await this.send(source, limits, request);
    return this.outcome();
  }

  /** Runs a file of the workspace. */
  file(path: string, request: Partial<KernelRequest> = {}): Promise<Outcome> {
    return this.repl(path, undefined, { ...request, mode: "file" });
  }

  /** The JSON of the value of `source`; throws when there is none. */
  async value(source: string): Promise<unknown> {
    const { ending } = await this.repl(source);
    if (ending?.t !== "value") throw new Error(`no value but ${JSON.stringify(ending)}`);
    return ending.json;
  }

  async send(source: string, limits: ProcessLimits, request: Partial<KernelRequest> = {}): Promise<void> {
    await this.kernel.limit(limits);
    await this.kernel.writeControl(
      encodeKernelRequest({ id: "r", mode: "repl", language: "javascript", args: [], env: {}, source, ...request }),
    );
  }

  async outcome(): Promise<Outcome> {
    const messages: KernelMessage[] = [];
    const limits: Outcome["limits"][number][] = [];
    const text = { stdout: "", stderr: "" };
    let exit: ProcessExit | undefined;
    while (!messages.some((message) => message.t === "done")) {
      const next = await this.#items.next();
      if (next.done) break;
      const item = next.value;
      if (item.kind === "exit") {
        exit = item.exit;
        break;
      }
      if (item.kind === "limit") limits.push(item);
      else {
        this.kernel.ack(item.stream, item.offset + item.data.length);
        if (item.stream === "control") messages.push(...this.#reader.push(item.data));
        else if (item.stream === "stdout" || item.stream === "stderr")
          text[item.stream] += Buffer.from(item.data).toString("utf8");
      }
    }
    const ending = messages.find((message): message is Ending => message.t === "value" || message.t === "exception");
    return { ending, messages, stdout: text.stdout, stderr: text.stderr, limits, exit };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sandbox.destroy();
    await rm(this.workspace, { recursive: true, force: true });
  }
}
