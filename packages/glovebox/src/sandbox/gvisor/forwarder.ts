import { forwarderOptions, forwarderSockets } from "../bubblewrap/forwarder-sockets.ts";

/** What gvisor-entry is told to make, and the agent to serve, in a sandbox with a network. */
export function forwarding(): { readonly entry: readonly string[]; readonly agent: readonly string[] } {
  const sockets = forwarderSockets().flatMap(({ fd, type, address, port }) => [`${fd}`, type, address, `${port}`]);
  return { entry: sockets, agent: forwarderOptions() };
}
