import type { Duplex } from "node:stream";

/** Why something did not go out, and the status that a client gets. Documented in docs/reference/egress.md; a code may be added, none changes its meaning. */
export const REFUSALS = {
  network_off: 403,
  not_in_allow_list: 403,
  request_not_allowed: 403,
  ambiguous_path: 403,
  private_address: 403,
  invalid_host: 403,
  invalid_port: 403,
  malformed_request: 400,
  not_a_proxy_request: 400,
  host_mismatch: 403,
  server_name_mismatch: 403,
  not_tls: 403,
  upgrade_not_allowed: 403,
  placeholder_elsewhere: 403,
  secret_not_sendable: 403,
  unreadable_body: 403,
  too_many_connections: 403,
  bytes_exhausted: 403,
  time_exhausted: 403,
  silence: 504,
  slow_request: 408,
  name_not_resolved: 502,
  connect_failed: 502,
  upstream_tls: 502,
  upstream_failed: 502,
  upstream_timeout: 504,
  unreadable_response: 502,
  service_unavailable: 503,
  client_tls: 403,
} as const;

export type RefusalCode = keyof typeof REFUSALS;

/** Ends a request or connection. The message is for people and goes to the client: it holds no value and no placeholder. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;

  constructor(code: RefusalCode, reason: string, options?: { cause?: unknown }) {
    super(reason, options);
    this.code = code;
  }

  get status(): number {
    return REFUSALS[this.code];
  }
}

/** Wraps what is no {@link Refusal} yet. */
export function toRefusal(error: unknown, code: RefusalCode, reason: string): Refusal {
  return error instanceof Refusal ? error : new Refusal(code, reason, { cause: error });
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a client is told, in the form of every error of Glovebox. */
export function toAnswer(refusal: Refusal): Answer {
  const body = `${JSON.stringify({ error: { code: refusal.code, message: refusal.message } })}\n`;
  return {
    status: refusal.status,
    headers: {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
      "x-glovebox-egress": refusal.code,
    },
    body,
  };
}

/** Answers on a connection that no HTTP server reads (any more), and ends it. */
export function answerRaw(stream: Duplex, refusal: Refusal): void {
  if (stream.destroyed || !stream.writable) {
    stream.destroy();
    return;
  }
  const { status, headers, body } = toAnswer(refusal);
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  stream.end(`HTTP/1.1 ${status} Refused\r\n${lines.join("")}\r\n${body}`, () => {
    // The client has a moment to read the answer before what it still sends is met with a reset.
    setTimeout(() => stream.destroy(), LINGER_MS).unref();
  });
  stream.resume();
}

const LINGER_MS = 250;
