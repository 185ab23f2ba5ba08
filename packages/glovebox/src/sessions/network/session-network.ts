import {
  type BoundSecret,
  type EgressGate,
  GloveboxError,
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
  row: Pick<Session, "tenantId" | "id" | "env">,
  options: { readonly again: boolean } = { again: false },
): Promise<SessionNetwork> {
  const { outside, redactor } = room;
  if (template.network.mode === "none") {
    return { env: {}, placeholders: {}, redactor: growing(redactor), close: () => {} };
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
    close: () => gate.close(),
  };
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
