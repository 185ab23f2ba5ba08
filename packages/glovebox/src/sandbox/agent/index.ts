/** The host's side of the agent protocol (docs/reference/agent-protocol.md). */
export { connectAgent, openSocket as openAgentSocket } from "./connect.ts";
export type { AgentConnection, AgentSpawn, AgentStats, ConnectOptions } from "./connection.ts";
export { newLineKey } from "./serial-line.ts";
export { openVsock } from "./vsock.ts";
