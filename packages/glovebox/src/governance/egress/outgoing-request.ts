import { decideRequest } from "./decide.ts";
import type { GateContext, Inbound } from "./gate-context.ts";
import { endToEnd, type HeaderPair, joinCookies, valuesOf, without } from "./headers.ts";
import { formatAuthority } from "./host.ts";
import { type Destination, type RequestHead, readDestination } from "./origin.ts";
import { fillHead } from "./outgoing.ts";
import type { Subject } from "./recorder.ts";
import { Refusal } from "./refusal.ts";
import type { HostSecrets } from "./secret-book.ts";

/** A request that may go out, with the values in it. Not for logs. */
export interface OutgoingRequest {
  readonly destination: Destination;
  readonly subject: Subject;
  readonly secrets: HostSecrets;
  readonly path: string;
  readonly headers: readonly HeaderPair[];
  /** Why it may go, and the names of the secrets in its head. */
  readonly reason: string;
  readonly used: readonly string[];
}

/** Reads where a request goes and notes it on the connection. Throws {@link Refusal}. */
export function readSubject(inbound: Inbound, head: RequestHead): { destination: Destination; subject: Subject } {
  const destination = readDestination(inbound.origin, head);
  const { host, port, method, rawPath } = destination;
  const subject: Subject = { action: "egress.request", host: host.text, port, method, path: rawPath };
  inbound.subject = subject;
  return { destination, subject };
}

/** Decides about a request and puts the values into its head. Throws {@link Refusal}. */
export async function prepareRequest(
  gate: GateContext,
  { destination, subject }: { readonly destination: Destination; readonly subject: Subject },
  head: RequestHead,
): Promise<OutgoingRequest> {
  const reason = await decideRequest(gate, destination);
  const { host, port, scheme, rawPath, query } = destination;
  const open = scheme === "https" ? !gate.rules.isExempt(host, port) : gate.rules.allowsPlainSecrets(host, port);
  const secrets = gate.book.at(host, port, open);
  const filled = fillHead({ rawPath, query, headers: forwarded(head.headers, secrets) }, secrets);
  if (filled.rawPath !== rawPath) {
    const verdict = gate.rules.request({ ...destination, rawPath: filled.rawPath });
    if (!verdict.allowed) throw new Refusal("secret_not_sendable", "with the secret in it, no rule allows the path");
  }
  const authority: HeaderPair = ["Host", formatAuthority(host.text, port, scheme)];
  const headers = [authority, ...filled.headers];
  return { destination, subject, secrets, path: filled.rawPath + filled.query, headers, reason, used: filled.secrets };
}

/** What of a request's headers goes on. */
function forwarded(pairs: readonly HeaderPair[], secrets: HostSecrets): HeaderPair[] {
  const kept = joinCookies(without(endToEnd(pairs), "host"));
  if (secrets.bound.length === 0) return kept;
  // An answer of this host is searched for values: it must be readable, and whole.
  const readable = without(kept, "accept-encoding", "range", "if-range");
  return [...readable, ["Accept-Encoding", "identity"]];
}

/** Whether a request of HTTP/1.1 has a body. */
export function hasBody(pairs: readonly HeaderPair[]): boolean {
  const length = valuesOf(pairs, "content-length")[0];
  return valuesOf(pairs, "transfer-encoding").length > 0 || (length !== undefined && Number(length) !== 0);
}
