import { type FileContent, toContent } from "./files.ts";
import { idempotencyKey } from "./idempotency.ts";
import type { Transport } from "./transport.ts";
import type { FlowAnswer, FlowChoice, FlowInfo, FlowPlan, FlowRun, FlowStart, FlowValidation } from "./types/flow.ts";
import type { CallOptions, CreateOptions } from "./types/page.ts";
import type { RunInfo } from "./types/run.ts";
import { urlPath } from "./url-path.ts";

/** What agents do together on a repository. A run of a flow is a run: see {@link Runs} for its journal, its end by force, its rollback. */
export class Flows {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<{ readonly items: readonly FlowInfo[] }> {
    return this.#transport.json({ method: "GET", path: urlPath("flows"), signal: options.signal });
  }

  /** Errors: `not_found`. */
  async get(name: string, options: CallOptions = {}): Promise<FlowInfo & { readonly plan: FlowPlan }> {
    return this.#transport.json({ method: "GET", path: urlPath("flows", name), signal: options.signal });
  }

  /** What is wrong with a flow and its input, or what it would do; nothing runs. */
  async validate(choice: FlowChoice, options: CallOptions = {}): Promise<FlowValidation> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("flows", "validate"),
      body: choice,
      repeatable: true,
      signal: options.signal,
    });
  }

  /** Uploads a repository, as an uncompressed tar, for {@link Flows.start}; kept a week after it was last read. */
  async upload(archive: FileContent, options: CallOptions = {}): Promise<{ readonly sha256: string }> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("flows", "sources"),
      content: toContent(archive),
      contentType: "application/x-tar",
      signal: options.signal,
    });
  }

  /** Errors: `not_found`, `invalid_argument`, `queue_full`. */
  async start(input: FlowStart, options: CreateOptions = {}): Promise<{ readonly run: RunInfo }> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("flows", "runs"),
      body: input,
      idempotencyKey: idempotencyKey(options),
      signal: options.signal,
    });
  }

  /** What a run came to, or as far as it came, and what it asks. `runs.follow` tells when there is more. */
  async run(id: string, options: CallOptions = {}): Promise<FlowRun> {
    return this.#transport.json({ method: "GET", path: urlPath("flows", "runs", id), signal: options.signal });
  }

  /** Answers what a run asks. Errors: `not_found` when it does not ask that, `conflict` when it asks several things and none is named, `invalid_argument`. */
  async answer(id: string, answer: FlowAnswer, options: CallOptions = {}): Promise<FlowRun> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("flows", "runs", id, "answer"),
      body: answer,
      signal: options.signal,
    });
  }
}
