import type { FinalStatus } from "../../core/index.ts";
import type { OutputStream } from "../../sandbox/index.ts";

/** A byte position in each of a process's output streams. */
export type Offsets = Readonly<Record<OutputStream, number>>;

export const NO_OFFSETS: Offsets = { stdout: 0, stderr: 0, control: 0 };

/** The limits an execution runs under, as decided when it was accepted. */
export interface WorkLimits {
  /** Absent: as long as the session. */
  readonly wallMs?: number;
  readonly cpuMs?: number;
  readonly compileMs: number;
  readonly outputBytes: number;
  readonly maxEvents: number;
  readonly onOutputLimit: "truncate" | "stop";
}

/** How an execution ended; its `value` or `exception` is the event at `terminalSeq`. */
export interface Outcome {
  readonly status: FinalStatus;
  readonly exitCode: number;
  readonly signal?: string;
  readonly terminalSeq?: number;
  readonly cpuMs: number;
  readonly maxRssKb: number;
  /** Bytes of stdout, stderr and console texts that were kept. */
  readonly outputBytes: number;
  readonly durationMs: number;
  readonly endedAt: string;
}

/** The process that an execution's output comes from. */
export interface ProcessRef {
  readonly id: number;
  readonly kind: "program" | "kernel";
  /** Rust: compiling comes first. */
  readonly phase?: "compile" | "run";
}

/** What an execution needs to be run that its row does not say. */
export interface StoredRequest {
  readonly limits: WorkLimits;
  /** The folder asked for; without it a kernel stays where it is. */
  readonly cwd?: string;
  readonly terminal?: { readonly rows: number; readonly columns: number };
  /** Of the request, when it came with an idempotency key. */
  readonly requestHash?: string;
  /** Code in a kernel has a standard input of its own. */
  readonly kernelStdin?: boolean;
  /** Length of a text for stdin that is nowhere on disk, because it is given at once. */
  readonly stdinBytes?: number;
  /** What it prints goes through an `OutputReader`: after a restart it is read on when there is one again. */
  readonly isRead?: boolean;
  /** Hash of the blob with what the row does not say (`HeldRequest`). */
  readonly heldBlob?: string;
}

/**
 * The truth about an execution, written in the transaction of its events (docs/decisions/0004). Versioned, apart from the live objects;
 * at most 64 KiB.
 */
export interface StreamState {
  readonly v: 1;
  readonly request?: StoredRequest;
  readonly process?: ProcessRef;
  /** Where this execution's output begins in the process's streams. */
  readonly start: Offsets;
  /** Up to where the process's streams have become events. */
  readonly consumed: Offsets;
  /** Bytes kept from earlier processes of the execution. */
  readonly spent: { readonly stdout: number; readonly stderr: number };
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean };
  /** Bytes of console texts and of displays kept so far. */
  readonly consoleBytes: number;
  readonly displayBytes: number;
  readonly terminalSeq?: number;
  readonly outcome?: Outcome;
}

export const INITIAL_STATE: StreamState = {
  v: 1,
  start: NO_OFFSETS,
  consumed: NO_OFFSETS,
  spent: { stdout: 0, stderr: 0 },
  truncated: { stdout: false, stderr: false },
  consoleBytes: 0,
  displayBytes: 0,
};

/** Reads what was stored; anything else than version 1 is treated as nothing known. */
export function parseStreamState(stored: unknown): StreamState | undefined {
  if (typeof stored !== "object" || stored === null || (stored as { v?: unknown }).v !== 1) return undefined;
  return { ...INITIAL_STATE, ...(stored as Partial<StreamState>), v: 1 };
}
