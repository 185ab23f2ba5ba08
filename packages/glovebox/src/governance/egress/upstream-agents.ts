import { Agent } from "node:http";
import type { Duplex } from "node:stream";
import type { Dialer } from "./dial.ts";
import { parseHost } from "./host.ts";

/** Connections to hosts that are kept for the next request, of one session. */
export interface UpstreamAgents {
  /** The agent for `http` or `https`; requests go to it as plain HTTP/1.1, since it makes the TLS itself. */
  for(scheme: "http" | "https"): Agent;
  close(): void;
}

export interface UpstreamAgentsOptions {
  readonly dialer: Dialer;
  /** At the same time, of each scheme. */
  readonly maxConnections: number;
  /** Milliseconds after which an unused connection is closed. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

const MAX_FREE = 8;

export function createUpstreamAgents({
  dialer,
  maxConnections,
  silenceMs,
  signal,
}: UpstreamAgentsOptions): UpstreamAgents {
  const common = { keepAlive: true, maxTotalSockets: maxConnections, maxFreeSockets: MAX_FREE, timeout: silenceMs };
  const agents = {
    http: new DialingAgent(common, (host, port) => dialer.plain(host, port, signal)),
    https: new DialingAgent(common, (host, port) => dialer.secure(host, port, signal)),
  };
  return {
    for: (scheme) => agents[scheme],
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

type Dial = (host: NonNullable<ReturnType<typeof parseHost>>, port: number) => Promise<Duplex>;

class DialingAgent extends Agent {
  readonly #dial: Dial;

  constructor(options: ConstructorParameters<typeof Agent>[0], dial: Dial) {
    super(options);
    this.#dial = dial;
  }

  override createConnection(
    options: { readonly host?: string | null | undefined; readonly port?: string | number | null | undefined },
    done: (error: Error | null, stream: Duplex) => void,
  ): null {
    const host = parseHost(options.host ?? "");
    // Node's types want a stream even beside an error.
    const failed = (error: unknown) =>
      done(error instanceof Error ? error : new Error("no connection"), undefined as never);
    if (host === undefined) failed(new Error("no host"));
    else this.#dial(host, Number(options.port)).then((socket) => done(null, socket), failed);
    return null;
  }
}
