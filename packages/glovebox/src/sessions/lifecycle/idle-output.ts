import type { Logger, NewEvent, Redactor, StreamRef } from "../../core/index.ts";
import type { OutputChunk } from "../../sandbox/index.ts";
import type { EventLog } from "../../store/index.ts";
import { OutputChannel } from "../output/output-channel.ts";
import type { IdleOutput } from "../work/kernel.ts";

/** What threads and children of kernels may print between executions, per session. */
const ALLOWANCE_BYTES = 1_048_576;

/** Output that comes while no execution runs goes to the session's own stream, up to an allowance. */
export class SessionIdleOutput implements IdleOutput {
  readonly #events: EventLog;
  readonly #stream: StreamRef;
  readonly #logger: Logger;
  readonly #channels: Record<"stdout" | "stderr", OutputChannel>;
  #pending: NewEvent[] = [];

  constructor(options: { events: EventLog; stream: StreamRef; redactor: Redactor | undefined; logger: Logger }) {
    this.#events = options.events;
    this.#stream = options.stream;
    this.#logger = options.logger;
    const open = (type: "stdout" | "stderr") =>
      new OutputChannel({
        type,
        allowance: ALLOWANCE_BYTES,
        truncated: false,
        redactor: options.redactor,
        emit: (event) => this.#pending.push(event),
      });
    this.#channels = { stdout: open("stdout"), stderr: open("stderr") };
  }

  output(chunk: OutputChunk, acknowledge: () => void): void {
    if (chunk.stream !== "control") this.#collect(chunk.stream, chunk.data);
    const events = this.#pending;
    this.#pending = [];
    if (events.length === 0) {
      acknowledge();
      return;
    }
    this.#events.append(this.#stream, events).then(acknowledge, (error: unknown) => {
      // Without an acknowledgement the agent keeps it, and the program waits: nothing is lost while the store is down.
      this.#logger.error({ err: error, sessionId: this.#stream.id }, "output between executions could not be stored");
    });
  }

  #collect(stream: "stdout" | "stderr", data: Uint8Array): void {
    const channel = this.#channels[stream];
    if (channel.push(data) === "passed_limit") {
      const message = `more than ${ALLOWANCE_BYTES} bytes of ${stream} between executions; the rest is not kept`;
      this.#pending.push({ type: "system", payload: { level: "warn", code: "output_truncated", message } });
    }
    channel.flush();
  }
}

export function sessionStream(tenantId: string, id: string): StreamRef {
  return { tenantId, kind: "session", id };
}
