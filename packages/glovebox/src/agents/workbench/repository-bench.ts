import { createHash } from "node:crypto";
import { type Execution, GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { SandboxBench } from "../../runs/index.ts";
import { KnownFiles } from "./known-files.ts";
import { REPOSITORY_LIMITS } from "./repository-tree.ts";
import { TextCollector } from "./text-collector.ts";

/** The repository's folder in the sandbox. */
export const REPOSITORY_ROOT = "/workspace/repo";
/** What agents put beside it. */
export const AGENT_FOLDER = "/workspace/.glovebox";

/** Names there that are looked at for what an earlier attempt left. */
const MAX_BESIDE = 10_000;

export interface RunOptions {
  /** Default: the repository's folder. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: empty. */
  readonly stdin?: string;
  /** Milliseconds until its process tree is ended. Default: what the template says. */
  readonly timeoutMs?: number;
  /** Of stdout, and of stderr, characters that are kept, the last ones. Default 65,536. */
  readonly maxChars?: number;
}

export interface RunResult {
  readonly status: Execution["status"];
  /** Absent when it was ended by a signal. */
  readonly exitCode?: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The beginning of what it printed was left out. */
  readonly truncated: boolean;
  readonly timedOut: boolean;
}

/** The repository in the hands of one step's work. Nothing that is done here is journaled, only what the work makes of it. */
export class RepositoryBench implements Disposable {
  /** What is known of the files, also to other steps. */
  readonly known: KnownFiles;
  readonly #sandbox: SandboxBench;
  readonly root = REPOSITORY_ROOT;
  readonly #env: Readonly<Record<string, string>>;
  readonly #key: string;
  #runs = 0;
  #cleared: Promise<void> | undefined;
  #scratches = 0;
  /** Somebody has the sandbox itself: what it is used for is not known here. */
  #direct: Disposable | undefined;

  constructor(sandbox: SandboxBench, env: Readonly<Record<string, string>>, known: KnownFiles = new KnownFiles()) {
    this.#sandbox = sandbox;
    this.#env = env;
    this.known = known;
    this.#key = createHash("sha256").update(sandbox.step.idempotencyKey).digest("hex").slice(0, 16);
  }

  /** For what this bench does not offer. */
  get sandbox(): SandboxBench {
    this.#direct ??= this.known.changing();
    return this.#sandbox;
  }

  get signal(): AbortSignal {
    return this.#sandbox.signal;
  }

  /** Of the step, from 1: one more after each crash that cut it short. */
  get attempt(): number {
    return this.#sandbox.step.attempt;
  }

  /** A path beside the repository that nothing else uses: no other step at the same time, and no attempt of this one that a crash cut short, which may have left half of something. */
  scratch(name: string): string {
    this.#scratches += 1;
    return `${AGENT_FOLDER}/${name}-${this.#key}${attemptMark(this.attempt)}${this.#scratches}`;
  }

  /** As {@link scratch}, but after a crash the same one: for what the next attempt has to know. */
  kept(name: string): string {
    return `${AGENT_FOLDER}/${name}-${this.#key}`;
  }

  /** Runs a program to its end. It does not throw for what the program does, only for what the machine does. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    using _changing = this.known.changing();
    return await this.look(argv, options);
  }

  /** As {@link run}, for a program of ours that changes nothing in the repository. */
  async look(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { cwd = this.root, env, stdin = "", timeoutMs, maxChars = 65_536 } = options;
    const reader = new TextCollector(maxChars);
    const request = {
      kind: "command" as const,
      argv: [...argv],
      cwd,
      stdin,
      env: { ...this.#env, ...env },
      onOutputLimit: "truncate" as const,
      ...(timeoutMs !== undefined && { limits: { wallMs: timeoutMs } }),
    };
    this.#runs += 1;
    const key = keyOf(this.#runs, this.attempt);
    this.#cleared ??= this.#clear();
    await this.#cleared;
    const ended = await this.#sandbox.run(key, async () => request, reader);
    const { status, exitCode } = ended;
    return {
      status,
      ...(exitCode !== undefined && { exitCode }),
      stdout: reader.text("stdout"),
      stderr: reader.text("stderr"),
      truncated: reader.isCut,
      timedOut: status === "timeout",
    };
  }

  /** A regular file's bytes; relative paths are the repository's. `not_found`; `payload_too_large` beyond `maxBytes` (default 1 MiB). */
  async readBytes(path: string, maxBytes: number = REPOSITORY_LIMITS.textBytes): Promise<Buffer> {
    const files = await this.#sandbox.files();
    const pieces: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const piece of files.read(this.#at(path), { limit: maxBytes + 1, signal: this.signal })) {
        pieces.push(piece);
        size += piece.length;
      }
    } catch (error) {
      // So says the sandbox of folders, pipes and devices, which it does not wait for.
      if (!isGloveboxError(error, "invalid_argument")) throw error;
      throw new GloveboxError("not_found", `${path} is no regular file`, { details: { path } });
    }
    if (size <= maxBytes) return Buffer.concat(pieces);
    throw new GloveboxError("payload_too_large", `${path} has more than ${maxBytes} bytes`, { details: { path } });
  }

  /** A file as text. As {@link readBytes}; `invalid_argument` for what is no UTF-8 text. */
  async readFile(path: string, maxBytes?: number): Promise<string> {
    const text = textOf(await this.readBytes(path, maxBytes));
    if (text !== undefined) return text;
    throw new GloveboxError("invalid_argument", `${path} is no text`, { details: { path } });
  }

  /** As {@link readFile}; `undefined` when there is no such file. */
  async readFileIfAny(path: string, maxBytes?: number): Promise<string | undefined> {
    try {
      return await this.readFile(path, maxBytes);
    } catch (error) {
      if (isGloveboxError(error, "not_found")) return undefined;
      throw error;
    }
  }

  /** Writes a file, with the folders that it needs. It is there whole or not at all. */
  async writeFile(path: string, content: string | Uint8Array, { mode = 0o644 } = {}): Promise<void> {
    using _changing = this.known.changing();
    const files = await this.#sandbox.files();
    const data = typeof content === "string" ? Buffer.from(content) : content;
    await files.write(this.#at(path), data, { mode, parents: true, signal: this.signal });
  }

  /** Removes a file that is beside the repository. */
  async removeBeside(path: string): Promise<void> {
    await (await this.#sandbox.files()).remove(path, { signal: this.signal });
  }

  /** The step's work is done. */
  [Symbol.dispose](): void {
    this.#direct?.[Symbol.dispose]();
    this.#direct = undefined;
  }

  /** After a crash all is run again: what still runs ends, and what it left goes. */
  async #clear(): Promise<void> {
    const now = this.attempt;
    if (now === 1) return;
    for (let attempt = 1; attempt < now; attempt++) {
      for (let run = 1; await this.#sandbox.endEarlier(keyOf(run, attempt)); run++);
    }
    await this.#removeLeft().catch((error: unknown) => {
      // What cannot be removed only takes room until the sandbox goes.
      if (!isGloveboxError(error) || this.signal.aborted) throw error;
    });
  }

  async #removeLeft(): Promise<void> {
    const { signal } = this;
    const files = await this.#sandbox.files();
    const own = `-${this.#key}${attemptMark(this.attempt)}`;
    for await (const { path } of files.list(AGENT_FOLDER, { limit: MAX_BESIDE, signal })) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      if (!name.includes(`-${this.#key}.`) || name.includes(own)) continue;
      await files.remove(`${AGENT_FOLDER}/${name}`, { recursive: true, signal });
    }
  }

  #at(path: string): string {
    return path.startsWith("/") ? path : `${this.root}/${path}`;
  }
}

function attemptMark(attempt: number): string {
  return `.${attempt}-`;
}

/** Of a step's executions each attempt has its own. */
function keyOf(run: number, attempt: number): string {
  return attempt === 1 ? `run-${run}` : `run-${run}/attempt-${attempt}`;
}

/** Bytes as text; `undefined` when they are no UTF-8, or hold NUL. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
