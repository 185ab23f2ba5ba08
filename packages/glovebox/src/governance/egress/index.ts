/** The proxy on the host through which everything leaves a sandbox. Start reading at `gate.ts`. */
export type { AuthorityStore } from "./authority.ts";
export { createEgress, type EgressOptions } from "./egress.ts";
export { parseNetworkRules } from "./network-rules.ts";
