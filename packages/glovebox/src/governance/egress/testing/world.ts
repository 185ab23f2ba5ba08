import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { AuditEntry, BoundSecret, EgressDecision, EgressGate, NetworkSpec } from "../../../core/index.ts";
import { TemplateInput } from "../../../core/schemas.ts";
import type { Authority } from "../authority.ts";
import type { Timings } from "../gate-context.ts";
import { createEgress } from "../index.ts";
import { type DnsServer, startDnsServer } from "./dns-server.ts";
import { type OriginServer, startOrigin } from "./origin-servers.ts";
import { createTestAuthority, memoryAuthorities, silentLogger, systemClock } from "./test-authority.ts";

/** One open gate, and what it told. */
export interface TestGate {
  readonly gate: EgressGate;
  readonly decisions: EgressDecision[];
  readonly audited: AuditEntry[];
  /** A connection of the sandbox: what the test writes, the gate reads. */
  connect(target?: { host: string; port: number }): Promise<Socket>;
}

/** Name server, origins and proxy, all on loopback. */
export interface World extends AsyncDisposable {
  readonly dns: DnsServer;
  readonly authority: Authority;
  origin(address: string, options?: Parameters<typeof startOrigin>[1]): Promise<OriginServer>;
  open(network: Partial<NetworkSpec> & Pick<NetworkSpec, "mode">, options?: OpenOptions): Promise<TestGate>;
}

export interface OpenOptions {
  readonly secrets?: readonly BoundSecret[];
  readonly timings?: Partial<Timings>;
  readonly permitAddresses?: readonly string[];
  readonly trusted?: boolean;
}

export function network(spec: Partial<NetworkSpec> & Pick<NetworkSpec, "mode">): NetworkSpec {
  const parsed = TemplateInput.parse({ name: "t", isolation: "bubblewrap", network: spec });
  if (parsed.network === undefined) throw new Error("no network");
  return parsed.network;
}

export async function createWorld(): Promise<World> {
  const dns = await startDnsServer();
  const authority = await createTestAuthority();
  const stack = new AsyncDisposableStack();
  stack.use(dns);
  const store = memoryAuthorities();
  return {
    dns,
    authority,
    origin: async (address, options) => stack.use(await startOrigin(address, options)),
    async open(spec, { secrets = [], timings = {}, permitAddresses = ["127.0.0.0/8"], trusted = true } = {}) {
      const audited: AuditEntry[] = [];
      const egress = createEgress({
        audit: { record: (entry) => void audited.push(entry) },
        logger: silentLogger,
        clock: systemClock,
        authorities: store,
        permitAddresses,
        nameServers: [dns.address],
        trustedAuthorities: trusted ? [authority.certificate] : [],
        timings: { headMs: 5_000, ...timings },
      });
      stack.use(egress);
      const decisions: EgressDecision[] = [];
      const onDecision = (decision: EgressDecision) => void decisions.push(decision);
      const gate = await egress.open({
        tenantId: "acme",
        sessionId: "s1",
        network: network(spec),
        secrets,
        onDecision,
      });
      return { gate, decisions, audited, connect: (target) => connectTo(stack, gate, target) };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Two ends of a real socket: one for the gate, one for the test. */
async function connectTo(
  stack: AsyncDisposableStack,
  gate: EgressGate,
  target: { host: string; port: number } | undefined,
): Promise<Socket> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const accepted = once(server, "connection");
  const socket = connect({ port: address.port, host: "127.0.0.1", allowHalfOpen: true });
  const [inner] = (await accepted) as [Socket];
  server.close();
  inner.on("error", () => {});
  socket.on("error", () => {});
  stack.defer(() => void socket.destroy());
  gate.accept(target === undefined ? { stream: inner } : { stream: inner, target });
  return socket;
}
