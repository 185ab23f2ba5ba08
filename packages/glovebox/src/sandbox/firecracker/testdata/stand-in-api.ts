import { access, constants } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { text } from "node:stream/consumers";
import type { ApiDescription, Matched } from "./api-description.ts";

/** What stands behind the API: in a real Firecracker, the machine. Paths are the jailed one's. */
export interface StandInMachine {
  /** A path in the jail as this process reaches it. */
  readonly pathOf: (path: string) => string;
  readonly start: (config: ReadonlyMap<string, Body>) => Promise<void>;
  readonly pause: () => Promise<void>;
  readonly resume: () => Promise<void>;
  readonly save: (files: Body) => Promise<void>;
  readonly load: (files: Body) => Promise<void>;
}

export type Body = Readonly<Record<string, unknown>>;
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly body?: Body;
  readonly status: number;
}
type Outcome = { readonly status: 200; readonly body: Body } | { readonly status: 204 };

/** Allowed only before the machine starts. */
const BEFORE_START: ReadonlySet<string> = new Set([
  "putLogger",
  "putMetrics",
  "putMachineConfiguration",
  "putGuestBootSource",
  "putGuestDriveByID",
  "putGuestVsock",
  "putEntropyDevice",
  "loadSnapshot",
]);
const AFTER_START: ReadonlySet<string> = new Set(["patchVm", "createSnapshot"]);
/** May come before a snapshot is loaded. */
const HARMLESS: ReadonlySet<string> = new Set(["putLogger", "putMetrics"]);

/** What is answered with 400 and this reason. */
export class Fault extends Error {}

/**
 * Stands in for Firecracker's API server: every request is held to the published description and to the order that its documentation asks for, and every answer to the
 * description, too. It is what the driver is tested against where Firecracker cannot run, and proves no more than that.
 */
export class StandInApi {
  readonly requests: Recorded[] = [];
  readonly #description: ApiDescription;
  readonly #machine: StandInMachine;
  readonly #id: string;
  readonly #onRequest: (recorded: Recorded) => void;
  readonly #config = new Map<string, Body>();
  #state: "Not started" | "Running" | "Paused" = "Not started";

  constructor(
    description: ApiDescription,
    id: string,
    machine: StandInMachine,
    onRequest: (recorded: Recorded) => void = () => {},
  ) {
    this.#description = description;
    this.#id = id;
    this.#machine = machine;
    this.#onRequest = onRequest;
  }

  listen(path: string): Promise<Server> {
    const server = createServer(async (request, response) => {
      const sent = await text(request);
      const { method = "", url = "" } = request;
      const { status, body } = await this.#answer(method, url, sent);
      const recorded = { method, path: url, status, ...(sent ? { body: JSON.parse(sent) } : {}) };
      this.requests.push(recorded);
      this.#onRequest(recorded);
      response.writeHead(status, { "content-type": "application/json" });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    });
    return new Promise((resolve, reject) => server.once("error", reject).listen(path, () => resolve(server)));
  }

  async #answer(method: string, path: string, sent: string): Promise<{ status: number; body?: Body }> {
    const matched = this.#description.match(method, path);
    if (!matched) return { status: 400, body: { fault_message: `Invalid request method and/or path: ${method} ${path}` } };
    const answer = await this.#outcome(matched, sent).catch((error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      return { status: 400, body: { fault_message: error.message } };
    });
    const body = "body" in answer ? answer.body : undefined;
    const wrong = this.#description.answerMisfit(matched, answer.status, body);
    if (wrong !== undefined) throw new Error(`the stand-in's own answer to ${method} ${path} does not fit: ${wrong}`);
    return { status: answer.status, ...(body ? { body } : {}) };
  }

  async #outcome(matched: Matched, sent: string): Promise<Outcome> {
    const body = sent === "" ? undefined : parsed(sent);
    const wrong = this.#description.requestMisfit(matched, body);
    if (wrong !== undefined) throw new Fault(wrong);
    const { operationId } = matched.operation;
    const started = this.#state !== "Not started";
    if (started && BEFORE_START.has(operationId))
      throw new Fault("The requested operation is not supported after starting the microVM.");
    if (!started && AFTER_START.has(operationId))
      throw new Fault("The requested operation is not supported before starting the microVM.");
    return this.#do(operationId, matched.inPath, (body ?? {}) as Body);
  }

  async #do(operationId: string, inPath: string | undefined, body: Body): Promise<Outcome> {
    switch (operationId) {
      case "describeInstance":
        return { status: 200, body: { app_name: "Stand-in", id: this.#id, state: this.#state, vmm_version: "0.0.0" } };
      case "getFirecrackerVersion":
        return { status: 200, body: { firecracker_version: "0.0.0-stand-in" } };
      case "createSyncAction":
        await this.#act(String(body.action_type));
        break;
      case "patchVm":
        await this.#setState(body.state === "Paused" ? "Paused" : "Running");
        break;
      case "createSnapshot":
        if (this.#state !== "Paused") throw new Fault("Cannot save a microVM that is not paused.");
        await this.#machine.save(body);
        break;
      case "loadSnapshot":
        await this.#load(body);
        break;
      default:
        await this.#configure(operationId, inPath, body);
    }
    return { status: 204 };
  }

  async #configure(operationId: string, inPath: string | undefined, body: Body): Promise<void> {
    if (!BEFORE_START.has(operationId)) throw new Fault(`The stand-in does not do ${operationId}.`);
    const { vcpu_count: cpus, drive_id: drive } = body;
    if (cpus !== undefined && cpus !== 1 && Number(cpus) % 2 !== 0) throw new Fault("The vCPU number is invalid!");
    if (drive !== undefined && drive !== inPath) throw new Fault("The id from the path does not match the id from the body!");
    if (body.is_root_device === false && body.path_on_host === undefined) throw new Fault("The drive has no file.");
    const read = constants.R_OK;
    const write = body.is_read_only === false ? constants.W_OK : 0;
    for (const path of [body.kernel_image_path, body.initrd_path, body.path_on_host, body.log_path, body.metrics_path])
      if (path !== undefined) await this.#need(String(path), read | write);
    this.#config.set(inPath === undefined ? operationId : `${operationId} ${inPath}`, body);
  }

  async #act(action: string): Promise<void> {
    const started = this.#state !== "Not started";
    if (action !== "InstanceStart") {
      if (!started) throw new Fault("The requested operation is not supported before starting the microVM.");
      return;
    }
    if (started) throw new Fault("The requested operation is not supported after starting the microVM.");
    if (!this.#config.has("putGuestBootSource")) throw new Fault("Cannot start microvm without kernel configuration.");
    await this.#machine.start(this.#config);
    this.#state = "Running";
  }

  async #setState(state: "Paused" | "Running"): Promise<void> {
    if (state === this.#state) return;
    await (state === "Paused" ? this.#machine.pause() : this.#machine.resume());
    this.#state = state;
  }

  async #load(body: Body): Promise<void> {
    if ([...this.#config.keys()].some((operationId) => !HARMLESS.has(operationId)))
      throw new Fault("Loading a microVM snapshot not allowed after configuring boot-specific resources.");
    const backend = body.mem_backend as Body | undefined;
    if ((backend === undefined) === (body.mem_file_path === undefined))
      throw new Fault("Exactly one of `mem_backend` and `mem_file_path` must be specified.");
    const memory = String(backend?.backend_path ?? body.mem_file_path);
    for (const path of [memory, String(body.snapshot_path)]) await this.#need(path, constants.R_OK);
    await this.#machine.load({ ...body, mem_file_path: memory });
    this.#state = "Paused";
    if (body.resume_vm === true) await this.#setState("Running");
  }

  async #need(path: string, mode: number): Promise<void> {
    await access(this.#machine.pathOf(path), mode).catch((error: NodeJS.ErrnoException) => {
      throw new Fault(`Cannot open ${path}: ${error.code}`);
    });
  }
}

function parsed(sent: string): unknown {
  try {
    return JSON.parse(sent);
  } catch {
    throw new Fault("An error occurred when deserializing the json body of a request.");
  }
}
