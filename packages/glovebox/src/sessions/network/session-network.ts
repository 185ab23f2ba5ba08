import {
  type BoundSecret,
  type EgressGate,
  GloveboxError,
  type Outside,
  type Redactor,
  type Session,
  type Template,
} from "../../core/index.ts";
import type { SandboxNetwork } from "../../sandbox/index.ts";
import { sessionStream } from "../lifecycle/idle-output.ts";
import { GrowingRedactor } from "../output/growing-redactor.ts";
import type { Room } from "../room.ts";
import { DecisionEvents } from "./decision-events.ts";
import { proxyEnv } from "./proxy-env.ts";

/** The way out of one session's sandbox, and what follows from it for the session. */
export interface SessionNetwork {
  /** Absent: there is no way out. */
  readonly network?: SandboxNetwork;
  /** For the sandbox's environment, below what the user says: how to find the proxy, and what to trust. */
  readonly env: Readonly<Record<string, string>>;
  /** The secrets' variables, each with its placeholder. They stand above everything else, and in the session's row: a restart needs them. */
  readonly placeholders: Readonly<Record<string, string>>;
  /** Masks the secrets' values too. */
  readonly redactor: GrowingRedactor | undefined;
  /** Offers a service of the server's own to the session's programs; absent where they have no way to it. */
  readonly offer?: EgressGate["offer"];
  /** Ends every connection. Idempotent. */
  close(): void;
}

/**
 * Opens what the template allows. `row.env` of a session that goes on after a restart has the placeholders that its programs know already. Errors:
 * `unavailable`, and `not_found` for a secret that is gone.
 */
export async function openNetwork(
  room: Room,
  template: Template,
  row: Pick<Session, "tenantId" | "id" | "env" | "services">,
  options: { readonly again: boolean } = { again: false },
): Promise<SessionNetwork> {
  const { outside, redactor } = room;
  if (template.network.mode === "none") {
    const none = { env: {}, placeholders: {}, redactor: growing(redactor), close: () => {} };
    return outside === undefined || row.services !== true
      ? none
      : { ...none, ...(await openToServices(room, row, outside)) };
  }
  if (outside === undefined) throw new GloveboxError("unavailable", "this server lets no sandbox out");
  const { tenantId, id } = row;
  const bound = await outside.bindSecrets(tenantId, template.secrets);
  const secrets = options.again ? bound.map((secret) => withPlaceholderOf(row, secret)) : bound;
  const decisions = new DecisionEvents({
    events: room.store.events,
    stream: sessionStream(tenantId, id),
    logger: room.logger,
  });
  const gate = await outside.egress.open({
    tenantId,
    sessionId: id,
    network: template.network,
    secrets,
    onDecision: (decision) => decisions.add(decision),
  });
  return {
    network: networkOf(gate),
    env: proxyEnv(gate.authority !== undefined),
    placeholders: Object.fromEntries(secrets.map(({ name, placeholder }) => [name, placeholder])),
    redactor: growing(secrets.length === 0 ? redactor : redactor?.withValues(secrets.map(({ value }) => value))),
    offer: (service) => gate.offer(service),
    close: () => gate.close(),
  };
}

/** More than artifacts and caches of a job may have. */
const SERVICE_LIMITS = { connections: 128, bytes: 64 * 2 ** 30, seconds: 21_600 };

/** A gate that lets nothing out. Programs find what is offered by its name; they are told of no proxy. */
async function openToServices(
  { logger }: Room,
  { tenantId, id }: Pick<Session, "tenantId" | "id">,
  { egress }: Outside,
): Promise<Pick<SessionNetwork, "network" | "offer" | "close">> {
  const gate = await egress.open({
    tenantId,
    sessionId: id,
    network: { mode: "none", allow: [], exempt: [], limits: SERVICE_LIMITS },
    secrets: [],
    // As in a sandbox without a network, of which nobody is told what it tried: the audit log has it.
    onDecision: ({ host, port, code }) => logger.debug({ sessionId: id, host, port, code }, "nothing goes out"),
  });
  return { network: networkOf(gate), offer: (service) => gate.offer(service), close: () => gate.close() };
}

/** Each session has one of its own: it learns what the session's programs must not show. */
function growing(redactor: Redactor | undefined): GrowingRedactor | undefined {
  return redactor === undefined ? undefined : new GrowingRedactor(redactor);
}

function networkOf(gate: EgressGate): SandboxNetwork {
  const { authority } = gate;
  return { accept: (connection) => gate.accept(connection), ...(authority !== undefined && { authority }) };
}

function withPlaceholderOf({ env }: Pick<Session, "env">, secret: BoundSecret): BoundSecret {
  return { ...secret, placeholder: env?.[secret.name] ?? secret.placeholder };
}
