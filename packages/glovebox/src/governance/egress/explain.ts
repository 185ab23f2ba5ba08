import type { EgressDecision, NetworkSpec } from "../../core/index.ts";
import { type Deciders, decideRequest, opensTls } from "./decide.ts";
import { parseNetworkRules } from "./network-rules.ts";
import { type Destination, readAuthority } from "./origin.ts";
import { Refusal } from "./refusal.ts";

/** What would be decided about a request, with the reason; nothing is connected to. Throws `invalid_argument` when the rules do not parse. */
export async function explain(
  network: NetworkSpec,
  { method, url }: { readonly method: string; readonly url: string },
  { names, book }: Omit<Deciders, "rules">,
): Promise<EgressDecision> {
  const rules = parseNetworkRules(network);
  let destination: Destination | undefined;
  try {
    destination = readUrl(method, url);
    const reason = await decideRequest({ rules, names, book }, destination);
    const { scheme, host, port } = destination;
    const opened = scheme === "https" && opensTls({ rules, book }, host, port);
    return {
      ...about(method, destination),
      allowed: true,
      code: "allowed",
      reason: opened ? `${reason}; TLS opened` : reason,
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...about(method, destination), allowed: false, code: error.code, reason: error.message };
  }
}

function about(
  method: string,
  destination: Destination | undefined,
): Pick<EgressDecision, "host" | "port" | "method" | "path"> {
  const { host, port = 0, rawPath } = destination ?? {};
  return { host: host?.text ?? "", port, method, ...(rawPath === undefined ? {} : { path: rawPath }) };
}

function readUrl(method: string, url: string): Destination {
  const match = /^(https?):\/\/([^/?#]*)(\/[^?#]*)?(\?[^#]*)?$/i.exec(url);
  if (match === null) throw new Refusal("malformed_request", "not an http: or https: URL");
  const [, scheme = "", authority = "", rawPath = "/", query = ""] = match;
  const secure = scheme.toLowerCase() === "https";
  const { host, port = secure ? 443 : 80 } = readAuthority(authority);
  return { scheme: secure ? "https" : "http", host, port, method, rawPath, query };
}
