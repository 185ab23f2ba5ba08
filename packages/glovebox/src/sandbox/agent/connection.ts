import type { Socket } from "node:net";
import type { SandboxConnection } from "../../core/index.ts";
import type { SandboxFiles } from "../files.ts";
import type { LimitKind, ProcessLimits, SandboxProcess } from "../process.ts";

/** How a driver talks to the agent in one of its sandboxes. Made by `connectAgent`. */
export interface AgentConnection {
  readonly bootId: bigint;
  /** What the agent held when the connection was made. */
  readonly attached: readonly SandboxProcess[];
  readonly files: SandboxFiles;
  spawn(spec: AgentSpawn, signal?: AbortSignal): Promise<SandboxProcess>;
  stats(signal?: AbortSignal): Promise<AgentStats>;
  /** Sandbox-wide watchdogs; absent values are off. */
  watch(limits: { memoryBytes?: number; diskBytes?: number; pids?: number; intervalMs?: number }): Promise<void>;
  ping(signal?: AbortSignal): Promise<void>;
  /**
   * From now on, connections of programs to the forwarder's sockets are handed to `accept`; before, they are refused. They end with
   * this connection. Again: the newer `accept` counts. Errors: `not_supported_by_isolation` (the agent was given no sockets), `unavailable`.
   */
  forward(accept: (connection: SandboxConnection) => void): Promise<void>;
  /** The watchdog acted for the sandbox as a whole. */
  /**
   * Tells a machine that is a copy of another that it is one: it gets the host's clock, random state, a name and a key of its own.
   * Errors: `not_supported_by_isolation` (the agent is not that of a machine), `unavailable`.
   */
  renew(names: { readonly hostname: string; readonly key: Buffer }): Promise<void>;
  /** Sets the sandbox's clock to the host's, or to `nowMs` (Unix milliseconds), where the agent may, and renews its kernel's random state. */
  setClock(nowMs?: number): Promise<void>;
  /** Gives a process that was started for whoever would come the tag of who came (`SandboxProcess.tag`). */
  retag(process: SandboxProcess, tag: string): void;
  /** Writes a file as the agent itself, where user code may not: in a machine of its own. */
  writeAsAgent(path: string, data: Uint8Array): Promise<void>;
  onNotice(listener: (notice: { limit: LimitKind; action: "interrupted" | "killed"; value: number }) => void): void;
  /** Resolves when the connection is over: closed by us, by the agent's end, or because the agent lied. */
  readonly closed: Promise<{ readonly by: "host" | "agent" | "protocol"; readonly message?: string }>;
  /**
   * Interrupts the conversation, for a snapshot that cannot hold a connection: nothing is under way any more, and the connection is closed.
   * Programs go on; what is asked of the agent waits for {@link resume}. Errors: `unavailable`, `conflict` (it is suspended already).
   */
  suspend(): Promise<void>;
  /** Goes on with it over a new connection, as if nothing had been: see {@link openAgentSocket}. */
  resume(socket: Socket): void;
  /** Kills everything in the sandbox and ends the agent. */
  powerOff(): Promise<void>;
  /** Lets go; the agent goes on. */
  close(): Promise<void>;
}

export interface AgentSpawn {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin: "pipe" | "null";
  /** Opens the control stream on fds 3 and 4. */
  readonly control: boolean;
  readonly terminal?: { readonly rows: number; readonly columns: number };
  readonly limits?: ProcessLimits;
  readonly openFiles?: number;
  readonly tag?: string;
}

export interface AgentStats {
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly pids: number;
  readonly diskBytes: number;
  readonly oomKills: number;
}

/** Where an agent listens: on a unix socket, or where only its driver knows to open a connection. `open` has the same errors as connecting. */
export type AgentPlace = { readonly socketPath: string } | { readonly open: (signal: AbortSignal) => Promise<Socket> };

export type ConnectOptions = AgentPlace & ConnectSettings;

interface ConnectSettings {
  /** Must be higher than in every earlier connection to this agent. */
  readonly epoch: bigint;
  /** Spool per output stream in the agent, bytes. Default 262,144. */
  readonly window?: number;
  readonly signal?: AbortSignal;
  /** How long connecting and the greeting may take, milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** Of an agent behind a serial line: the key that begins its connections (see {@link newLineKey}). */
  readonly lineKey?: Buffer;
}
