import type { KernelOptions } from "../driver.ts";
import type { KernelRequest } from "../kernel-message.ts";
import type { OutputStream } from "../process.ts";

/** What a worker is given when its thread starts: nothing of any session. */
export interface WorkerSeed {
  readonly module: WebAssembly.Module;
  /** URL of the worker's code, and the folder of the process's compile cache if it has one. */
  readonly entry: string;
  readonly compileCache: string | undefined;
  /** Whether to run a first request unheard: a worker that waits has the time, one that is waited for has not. */
  readonly rehearse: boolean;
  readonly words: Int32Array<SharedArrayBuffer>;
  /** Where answers to synchronous calls arrive. */
  readonly answers: import("node:worker_threads").MessagePort;
}

/** What a worker learns when a session takes it. */
export interface EngineSetup {
  readonly options: KernelOptions;
  readonly env: Readonly<Record<string, string>>;
  /** Pages in use by all kernels of the session, and the most they may use together. */
  readonly pagesUsed: Int32Array<SharedArrayBuffer>;
  readonly maxPages: number;
  /** Share of one CPU, at most 1. */
  readonly cpus: number;
}

export type ToWorker =
  | { readonly t: "setup"; readonly setup: EngineSetup }
  | { readonly t: "exec"; readonly serial: number; readonly request: KernelRequest };

/** A synchronous call of the guest, answered by the server through the companion sandbox. */
export interface HostCall {
  readonly call: number;
  readonly name: string;
  /** JSON that the guest made: hostile. */
  readonly input: string;
  readonly bytes?: Uint8Array;
}

export type HostAnswer = { readonly call: number } & (
  | { readonly ok: true; readonly json?: string; readonly bytes?: Uint8Array }
  | { readonly ok: false; readonly code: string; readonly message: string }
);

export type FromWorker =
  | { readonly t: "warm" }
  /** The session's libraries and modules are there. */
  | { readonly t: "ready" }
  | { readonly t: "output"; readonly stream: OutputStream; readonly data: Uint8Array }
  /** The request's `done` line comes right after this. */
  | { readonly t: "done"; readonly serial: number; readonly cpuMs: number }
  | { readonly t: "oom" }
  | { readonly t: "fatal"; readonly message: string }
  | ({ readonly t: "call" } & HostCall);
