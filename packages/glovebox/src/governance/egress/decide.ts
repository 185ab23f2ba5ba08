import type { Host } from "./host.ts";
import type { Names } from "./names.ts";
import type { NetworkRules, Verdict } from "./network-rules.ts";
import type { Destination } from "./origin.ts";
import { isOwn } from "./own-services.ts";
import { Refusal } from "./refusal.ts";
import type { SecretBook } from "./secret-book.ts";

export interface Deciders {
  readonly rules: NetworkRules;
  readonly names: Names;
  readonly book: SecretBook;
}

/** Decides a request by rules and addresses. Gives the reason why it may go, throws {@link Refusal} otherwise. */
export async function decideRequest({ rules, names, book }: Deciders, destination: Destination): Promise<string> {
  refuseHost(book, destination.host);
  const reason = orRefuse(rules.request(destination));
  await names.addresses(destination.host);
  return reason;
}

/** As {@link decideRequest}, for a connection whose requests are not known (yet). */
export async function decideConnection({ rules, names, book }: Deciders, host: Host, port: number): Promise<string> {
  refuseHost(book, host);
  const reason = orRefuse(rules.connection(host, port));
  await names.addresses(host);
  return reason;
}

/** Whether TLS with the host is opened: for rules about requests, and for secrets. */
export function opensTls({ rules, book }: Pick<Deciders, "rules" | "book">, host: Host, port: number): boolean {
  return !rules.isExempt(host, port) && (rules.readsRequests(host, port) || book.isBound(host, port));
}

/** Before its name is looked up, which would send it to a name server of the sandbox's choice. */
function refuseHost(book: SecretBook, host: Host): void {
  if (book.mask(host.text) !== host.text)
    throw new Refusal("placeholder_elsewhere", "the host name holds a placeholder");
  if (isOwn(host))
    throw new Refusal("service_unavailable", `${host.text} is the server's own, and not to be had this way`);
}

function orRefuse(verdict: Verdict): string {
  if (verdict.allowed) return verdict.reason;
  throw new Refusal(verdict.code === "allowed" ? "not_in_allow_list" : verdict.code, verdict.reason);
}
