import { PROXY_PORT } from "../../core/index.ts";
import type { GoSocket } from "../supervisor/index.ts";

/** Ports that clients of the web connect to without being told of a proxy. */
const REDIRECTED_PORTS = [80, 443];
const DNS_PORT = 53;
const FIRST_FD = 13;

interface ForwarderSocket extends GoSocket {
  /** The agent's option for it. */
  readonly option: string;
}

const FAMILIES = ["0.0.0.0", "::"];

/**
 * What listens in the network namespace of a sandbox with a network. There every address is delivered locally, so that a socket bound to
 * all of them takes the connections to all of them, and sees where each wanted to go.
 */
const SOCKETS: readonly ForwarderSocket[] = [
  ...FAMILIES.map((address) => ({ option: "--proxy-fd", type: "tcp" as const, address, port: PROXY_PORT })),
  ...REDIRECTED_PORTS.flatMap((port) =>
    FAMILIES.map((address) => ({ option: "--redirect-fd", type: "tcp" as const, address, port })),
  ),
  { option: "--names-fd", type: "udp" as const, address: "127.0.0.1", port: DNS_PORT },
].map((socket, index) => ({ ...socket, fd: FIRST_FD + index }));

/** For the supervisor, which makes them. */
export function forwarderSockets(): readonly GoSocket[] {
  return SOCKETS;
}

/** For the agent, which serves them. */
export function forwarderOptions(): string[] {
  return SOCKETS.flatMap(({ option, fd }) => [option, String(fd)]);
}
