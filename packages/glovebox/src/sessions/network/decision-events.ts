import type { EgressDecision, Logger, NewEvent, StreamRef } from "../../core/index.ts";
import type { EventLog } from "../../store/index.ts";

/** A program can ask without end; beyond this the audit log alone has what was decided. */
const MAX_EVENTS = 10_000;

/** What the proxy decided for a session, as events of its stream, in batches. */
export class DecisionEvents {
  readonly #events: EventLog;
  readonly #stream: StreamRef;
  readonly #logger: Logger;
  #pending: NewEvent[] = [];
  #count = 0;
  #writing: Promise<void> | undefined;

  constructor(options: { readonly events: EventLog; readonly stream: StreamRef; readonly logger: Logger }) {
    this.#events = options.events;
    this.#stream = options.stream;
    this.#logger = options.logger;
  }

  add(decision: EgressDecision): void {
    this.#count += 1;
    if (this.#count > MAX_EVENTS) return;
    this.#pending.push(this.#count === MAX_EVENTS ? tooMany() : toEvent(decision));
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const events = this.#pending;
        this.#pending = [];
        await this.#events.append(this.#stream, events);
      }
    } catch (error) {
      // The session may have ended in the meantime; the audit log has it all the same.
      this.#logger.warn({ err: error, sessionId: this.#stream.id }, "what the proxy decided could not be stored");
    } finally {
      this.#writing = undefined;
    }
  }
}

function toEvent({ allowed, code, reason, host, port, method, path, secrets }: EgressDecision): NewEvent {
  const what = [method, `${host}:${port}${path ?? ""}`].filter(Boolean).join(" ");
  return {
    type: "system",
    payload: {
      level: allowed ? "info" : "warn",
      code: allowed ? "egress_allowed" : "egress_refused",
      message: `${what}: ${reason}`,
      details: {
        host,
        port,
        reason: code,
        ...(method !== undefined && { method }),
        ...(path !== undefined && { path }),
        ...(secrets !== undefined && secrets.length > 0 && { secrets: [...secrets] }),
      },
    },
  };
}

function tooMany(): NewEvent {
  const message = `more than ${MAX_EVENTS} decisions of the proxy; the audit log has the rest`;
  return { type: "system", payload: { level: "warn", code: "egress_events_truncated", message } };
}
