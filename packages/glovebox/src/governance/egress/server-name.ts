import type { Duplex } from "node:stream";
import { type ClientHello, MAX_CLIENT_HELLO, readClientHello } from "./client-hello.ts";
import { type Host, parseHost } from "./host.ts";
import { peek } from "./peek.ts";
import { Refusal } from "./refusal.ts";

export type Opening = Exclude<ClientHello, { kind: "more" }>;

/** Waits for a client's first bytes and leaves them in the stream. `undefined` when none came in time. */
export function readOpening(stream: Duplex, timeoutMs: number): Promise<Opening | undefined> {
  const look = (bytes: Buffer): Opening | undefined => {
    const hello = readClientHello(bytes);
    return hello.kind === "more" ? undefined : hello;
  };
  return peek(stream, look, { timeoutMs, maxBytes: 2 * MAX_CLIENT_HELLO });
}

/** The server name must be the host that was asked for; for an address there must be none. Throws {@link Refusal}. */
export function checkServerName(opening: Opening | undefined, host: Host): void {
  if (opening === undefined) throw new Refusal("slow_request", "no TLS handshake came in time");
  if (opening.kind === "not_tls") throw new Refusal("not_tls", "only TLS goes through this connection");
  if (opening.kind === "invalid")
    throw new Refusal("server_name_mismatch", `the TLS handshake cannot be checked: ${opening.reason}`);
  const { serverName } = opening;
  if (serverName === undefined) {
    if (host.address !== undefined) return;
    throw new Refusal("server_name_mismatch", "the TLS handshake names no server");
  }
  if (host.address !== undefined || parseHost(serverName)?.text !== host.text) {
    throw new Refusal("server_name_mismatch", "the TLS handshake names another server than the connection");
  }
}
