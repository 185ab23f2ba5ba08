import { IncomingMessage, ServerResponse } from "node:http";
import { type SandboxService, SERVICES_DOMAIN } from "../../core/index.ts";
import type { Incoming } from "./exchange.ts";
import type { Host } from "./host.ts";
import type { Destination } from "./origin.ts";
import { Refusal } from "./refusal.ts";

const SUFFIX = `.${SERVICES_DOMAIN}`;
const PORT = 80;

/** Whether a host is the server's own: it is never looked up, and nothing is sent to it. */
export function isOwn(host: Host): boolean {
  return host.address === undefined && (host.text.endsWith(SUFFIX) || host.text === SERVICES_DOMAIN);
}

/** Throws {@link Refusal} unless requests in the clear may be made there. */
export function checkOwnPort(port: number): void {
  if (port !== PORT) throw new Refusal("service_unavailable", `services are offered on port ${PORT} alone`);
}

/** Has a request answered by the service that was offered under its host. It is nothing that leaves, so no decision is recorded. Throws {@link Refusal}. */
export function serveOwn(
  services: ReadonlyMap<string, SandboxService>,
  { host, port, scheme, rawPath, query }: Destination,
  { request, response }: Incoming,
): void {
  checkOwnPort(port);
  const service = services.get(host.text);
  if (service === undefined || scheme !== "http") {
    throw new Refusal("service_unavailable", `${host.text} is not offered to this session now`);
  }
  if (!(request instanceof IncomingMessage) || !(response instanceof ServerResponse)) {
    throw new Refusal("malformed_request", "services speak HTTP/1.1");
  }
  service.serve(request, response, `${rawPath}${query}`);
}
