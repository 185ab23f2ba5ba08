export type { GoCopy, GoMessage, GoSocket } from "./go-message.ts";
export { LAUNCHER_PREFIX } from "./launcher.ts";
export { identify, isAlive, type ProcessIdentity, signalExactly } from "./process-identity.ts";
export { SOCKET_NAME, withSocketPath } from "./socket-path.ts";
export { parseStatus, type SupervisorEnd, type SupervisorStatus } from "./status-file.ts";
export { STATUS_NAME, Supervisor, type SupervisorLaunch } from "./supervisor.ts";
export { CGROUPS_NAME, SupervisorPool, WAITING_PREFIX, type WaitingSupervisor } from "./supervisor-pool.ts";
