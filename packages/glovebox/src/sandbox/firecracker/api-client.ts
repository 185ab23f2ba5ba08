import { GloveboxError } from "../../core/index.ts";
import type {
  Action,
  BootSource,
  Drive,
  InstanceInfo,
  Logger,
  MachineConfig,
  Metrics,
  SnapshotCreate,
  SnapshotLoad,
  VmState,
  Vsock,
} from "./api-types.ts";
import { type Answer, type Asked, exchange } from "./exchange.ts";

/** For requests that move no memory. */
const TIMEOUT_MS = 10_000;
/** Writing all of a guest's memory to a slow disk takes long. */
const SNAPSHOT_MS = 300_000;
const MOST_FAULT = 300;

/** Lends a path to Firecracker's API socket for as long as `use` takes. */
export type SocketLender = <T>(use: (path: string) => Promise<T>) => Promise<T>;

export interface CallOptions {
  /** Milliseconds for the whole of the call. Default 10,000; for snapshots 300,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Firecracker's API, a method for each request that the driver makes. Every one can fail with `unavailable` (it does not answer), `internal` (it refuses, and
 * says why, or what it says is no answer) and `cancelled`.
 */
export class FirecrackerApi {
  readonly #lend: SocketLender;

  constructor(lend: SocketLender) {
    this.#lend = lend;
  }

  /** The build's version, such as `1.17.0`. */
  async version(options?: CallOptions): Promise<string> {
    const { firecracker_version: version } = await this.#get("/version", options);
    return word(version, "a version");
  }

  async describe(options?: CallOptions): Promise<InstanceInfo> {
    const { id, state, vmm_version: version } = await this.#get("/", options);
    if (state !== "Not started" && state !== "Running" && state !== "Paused") throw noAnswer("a state");
    return { id: word(id, "an id"), state, vmm_version: word(version, "a version") };
  }

  setLogger(logger: Logger, options?: CallOptions): Promise<void> {
    return this.#tell({ method: "PUT", path: "/logger", body: logger }, options);
  }

  setMetrics(metrics: Metrics, options?: CallOptions): Promise<void> {
    return this.#tell({ method: "PUT", path: "/metrics", body: metrics }, options);
  }

  setMachine(config: MachineConfig, options?: CallOptions): Promise<void> {
    return this.#tell({ method: "PUT", path: "/machine-config", body: config }, options);
  }

  setBootSource(source: BootSource, options?: CallOptions): Promise<void> {
    return this.#tell({ method: "PUT", path: "/boot-source", body: source }, options);
  }

  addDrive(drive: Drive, options?: CallOptions): Promise<void> {
    const path = `/drives/${encodeURIComponent(drive.drive_id)}`;
    return this.#tell({ method: "PUT", path, body: drive }, options);
  }

  setVsock(vsock: Vsock, options?: CallOptions): Promise<void> {
    return this.#tell({ method: "PUT", path: "/vsock", body: vsock }, options);
  }

  /** A virtio source of the host's randomness. */
  addEntropy(options?: CallOptions): Promise<void> {
    return this.#tell({ method: "PUT", path: "/entropy", body: {} }, options);
  }

  act(action: Action, options?: CallOptions): Promise<void> {
    return this.#tell({ method: "PUT", path: "/actions", body: { action_type: action } }, options);
  }

  /** Stops the machine, or lets it go on. Idempotent. */
  setState(state: VmState, options?: CallOptions): Promise<void> {
    return this.#tell({ method: "PATCH", path: "/vm", body: { state } }, options);
  }

  /** Of a machine that is paused. */
  createSnapshot(snapshot: SnapshotCreate, options: CallOptions = {}): Promise<void> {
    return this.#tell(
      { method: "PUT", path: "/snapshot/create", body: snapshot },
      { timeoutMs: SNAPSHOT_MS, ...options },
    );
  }

  /** Into a Firecracker that was told nothing yet but where to log. One that fails ends. */
  loadSnapshot(snapshot: SnapshotLoad, options: CallOptions = {}): Promise<void> {
    return this.#tell(
      { method: "PUT", path: "/snapshot/load", body: snapshot },
      { timeoutMs: SNAPSHOT_MS, ...options },
    );
  }

  async #tell(asked: Asked, options?: CallOptions): Promise<void> {
    const answer = await this.#ask(asked, options);
    if (answer.status !== 204) throw refused(asked, answer);
  }

  async #get(path: string, options?: CallOptions): Promise<Readonly<Record<string, unknown>>> {
    const asked: Asked = { method: "GET", path };
    const answer = await this.#ask(asked, options);
    if (answer.status !== 200) throw refused(asked, answer);
    const value = parsed(answer.text);
    if (!value) throw noAnswer("an object");
    return value;
  }

  #ask(asked: Asked, { timeoutMs = TIMEOUT_MS, signal }: CallOptions = {}): Promise<Answer> {
    return this.#lend((path) => exchange(path, asked, { timeoutMs, ...(signal ? { signal } : {}) }));
  }
}

function refused({ method, path }: Asked, { status, text }: Answer): GloveboxError {
  const fault = parsed(text)?.fault_message;
  const why = typeof fault === "string" ? printable(fault) : "without a reason";
  return new GloveboxError("internal", `Firecracker refuses ${method} ${path} (${status}): ${why}`, {
    details: { status },
  });
}

function noAnswer(wanted: string): GloveboxError {
  return new GloveboxError("internal", `What Firecracker answered is not ${wanted}`);
}

/** The object that a text is, if it is one. */
function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** What may go into records and messages. */
function word(value: unknown, wanted: string): string {
  if (typeof value !== "string" || !/^[\w.+-]{1,64}$/.test(value)) throw noAnswer(wanted);
  return value;
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, " ").slice(0, MOST_FAULT);
}
