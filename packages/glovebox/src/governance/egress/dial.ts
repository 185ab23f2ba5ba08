import { connect, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls, type SecureContext, type TLSSocket } from "node:tls";
import type { Address } from "./address.ts";
import type { Host } from "./host.ts";
import type { Names } from "./names.ts";
import { Refusal } from "./refusal.ts";

/** Connects to hosts: the only place from which bytes leave. */
export interface Dialer {
  /** A TCP connection to an address of `host` that was checked. Throws {@link Refusal}. */
  plain(host: Host, port: number, signal: AbortSignal, options?: DialOptions): Promise<Socket>;
  /** TLS on top, verified against `host`. Throws {@link Refusal}. */
  secure(host: Host, port: number, signal: AbortSignal): Promise<TLSSocket>;
}

export interface DialOptions {
  /** Whether the connection can still be written to when the other side has ended its own. Default false. */
  readonly allowHalfOpen?: boolean;
}

export interface DialerOptions {
  readonly names: Names;
  /** Whom to trust upstream. */
  readonly trust: SecureContext;
  /** For connecting and for the handshake, each. */
  readonly timeoutMs: number;
}

export function createDialer({ names, trust, timeoutMs }: DialerOptions): Dialer {
  const plain: Dialer["plain"] = async (host, port, signal, { allowHalfOpen = false } = {}) => {
    const addresses = await names.addresses(host);
    signal.throwIfAborted();
    const socket = connect({
      // A name that only `lookup` understands: what was checked is what is connected to, and nothing is looked up twice.
      host: "checked.invalid",
      port,
      lookup: only(addresses),
      autoSelectFamily: true,
      noDelay: true,
      allowHalfOpen,
      signal,
    });
    await established(
      socket,
      "connect",
      timeoutMs,
      () => new Refusal("connect_failed", `cannot connect to ${host.text}`),
    );
    return socket;
  };
  return {
    plain,
    async secure(host, port, signal) {
      const socket = await plain(host, port, signal);
      const tls = connectTls({
        socket,
        host: host.text,
        ...(host.address === undefined ? { servername: host.text } : {}),
        secureContext: trust,
        ALPNProtocols: ["http/1.1"],
        rejectUnauthorized: true,
      });
      const failed = (error: unknown) => new Refusal("upstream_tls", `TLS with ${host.text} failed${reasonOf(error)}`);
      await established(tls, "secureConnect", timeoutMs, failed);
      return tls;
    },
  };
}

/** OpenSSL's and Node's own codes only: what a server says of itself is not repeated. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[A-Z0-9_]{1,64}$/.test(code) ? ` (${code})` : "";
}

function only(addresses: readonly Address[]): LookupFunction {
  const list = addresses.map(({ text, family }) => ({ address: text, family }));
  return (_name, options, done) => {
    const first = list[0];
    if (options.all === true) done(null, list);
    else if (first === undefined) done(new Error("no address"), "", 4);
    else done(null, first.address, first.family);
  };
}

function established(
  socket: Socket,
  event: "connect" | "secureConnect",
  timeoutMs: number,
  failed: (error: unknown) => Refusal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error("timeout")), timeoutMs);
    const fail = (error: unknown) => {
      clearTimeout(timer);
      socket.off("close", fail);
      socket.destroy();
      reject(failed(error));
    };
    // Stays: an error that comes later must not be uncaught; whoever uses the socket sees `close`.
    socket.once("error", fail).on("error", () => {});
    socket.once("close", fail);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off("error", fail).off("close", fail);
      resolve();
    });
  });
}
