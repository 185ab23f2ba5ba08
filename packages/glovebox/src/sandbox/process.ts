import type { Language } from "../core/index.ts";

/** `stdout` (a terminal's whole output too), `stderr`, and a kernel's messages. */
export type OutputStream = "stdout" | "stderr" | "control";

/** Limits that the agent enforces on one process tree by itself, also while no server is connected. */
export interface ProcessLimits {
  /** Milliseconds of wall time from now. */
  readonly wallMs?: number;
  /** Milliseconds of CPU time of the tree from now. */
  readonly cpuMs?: number;
  /**
   * When a limit trips: SIGINT first and SIGKILL to the tree after this many milliseconds (kernels), or SIGKILL at once
   * when it is 0 (default).
   */
  readonly graceMs?: number;
}

/** Stdin up to this many bytes is handed to the sandbox at once, without waiting for its reader. */
export const STDIN_WINDOW_BYTES = 65_536;

interface SpawnCommon {
  readonly env?: Readonly<Record<string, string>>;
  /** In the sandbox. Default `/workspace`. */
  readonly cwd?: string;
  readonly limits?: ProcessLimits;
  /** Found again as `SandboxProcess.tag` after an attach: at most 512 bytes. Default empty. */
  readonly tag?: string;
}

export type SpawnSpec =
  | (SpawnCommon & {
      readonly kind: "program";
      readonly argv: readonly string[];
      /** `null`: stdin is empty. Default `pipe`. */
      readonly stdin?: "pipe" | "null";
      readonly terminal?: { readonly rows: number; readonly columns: number };
    })
  | (SpawnCommon & { readonly kind: "kernel"; readonly language: Language });

export interface OutputChunk {
  readonly stream: OutputStream;
  /** Bytes of this stream before this chunk, since the process started. */
  readonly offset: number;
  readonly data: Uint8Array;
}

export type LimitKind = "wall" | "cpu" | "memory" | "disk" | "pids";

/** What a process's output iterator yields. `exit` is the last item, after all output was given. */
export type ProcessItem =
  | ({ readonly kind: "output" } & OutputChunk)
  /** The agent acted on a limit: it interrupted the root process, or killed the tree. */
  | { readonly kind: "limit"; readonly limit: LimitKind; readonly action: "interrupted" | "killed" }
  | { readonly kind: "exit"; readonly exit: ProcessExit };

export interface ProcessExit {
  /** Set when it ended by itself. */
  readonly code?: number;
  /** Set when a signal ended it, e.g. `SIGKILL`. */
  readonly signal?: string;
  /** The limit for which the agent killed it. */
  readonly limit?: LimitKind;
  /** CPU time of the process and its waited-for children, milliseconds. */
  readonly cpuMs: number;
  /** Peak resident memory of the largest process, KiB. */
  readonly maxRssKb: number;
  readonly wallMs: number;
}

/** Which processes a signal reaches. `descendants`: the tree without its root (a kernel survives). */
export type SignalScope = "root" | "group" | "tree" | "descendants";

export interface SandboxProcess {
  /** Unique within the sandbox, chosen by the host. */
  readonly id: number;
  readonly pid: number;
  /** What the spawner wants to find again after an attach: at most 512 bytes. */
  readonly tag: string;
  /**
   * All output from where reading was left, in the order in which the agent saw it, then the exit.
   * One reader. Back-pressure: a reader that does not acknowledge stops the program in the end.
   */
  output(signal?: AbortSignal): AsyncIterable<ProcessItem>;
  /** Bytes of `stream` up to `offset` are committed on the host and need not be sent again. */
  ack(stream: OutputStream, offset: number): void;
  /**
   * After an attach, before `output()`: where reading goes on. Must not be below what was acknowledged before.
   * Without it reading goes on at the last acknowledged byte.
   */
  resumeFrom(offsets: Readonly<Partial<Record<OutputStream, number>>>): void;
  /** Where each stream stood when the agent last said so: first byte still held, and end. */
  readonly held: Readonly<Record<OutputStream, { readonly from: number; readonly to: number }>>;
  /** Resolves when the sandbox has taken the bytes. */
  write(data: Uint8Array, signal?: AbortSignal): Promise<void>;
  closeStdin(): Promise<void>;
  /** What the sandbox was given of stdin so far, in bytes, by an earlier server too, and whether it was closed. */
  readonly stdin: { readonly given: number; readonly closed: boolean };
  /** To a kernel's control input. */
  writeControl(data: Uint8Array, signal?: AbortSignal): Promise<void>;
  signal(name: NodeJS.Signals, scope?: SignalScope): Promise<void>;
  /** Sets limits from now on, replacing earlier ones; `{}` lifts them. A kernel's `done` message lifts them by itself. */
  limit(limits: ProcessLimits): Promise<void>;
  resize(rows: number, columns: number): Promise<void>;
  /** The exit is committed; the agent may forget the process. */
  release(): void;
}
