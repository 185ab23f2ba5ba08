import { GloveboxError, type NetworkSpec } from "../../core/index.ts";
import { formatAuthority, type Host } from "./host.ts";
import { normalizePath } from "./request-path.ts";
import {
  type HostPattern,
  matchesHost,
  matchesRequest,
  type Parsed,
  parseHostPattern,
  parseRule,
  type Rule,
} from "./rule.ts";

/** What the rules say, before any name is resolved. */
export interface Verdict {
  readonly allowed: boolean;
  readonly code: "allowed" | "network_off" | "not_in_allow_list" | "request_not_allowed" | "ambiguous_path";
  readonly reason: string;
}

export interface RequestTarget {
  readonly scheme: "http" | "https";
  readonly host: Host;
  readonly port: number;
  readonly method: string;
  /** As sent, without its query. */
  readonly rawPath: string;
}

/** A template's rules, parsed once. */
export interface NetworkRules {
  /** Whether `host:port` may be connected to at all; its requests may still be refused one by one. */
  connection(host: Host, port: number): Verdict;
  request(target: RequestTarget): Verdict;
  /** Whether rules ask for requests at `host:port` to be read. Exempt hosts too: such rules cannot be kept, see {@link parseNetworkRules}. */
  readsRequests(host: Host, port: number): boolean;
  /** Whether TLS with `host:port` is never opened. */
  isExempt(host: Host, port: number): boolean;
  /** Whether what is not TLS may be sent in a tunnel: where a rule names the port, or any public host may be reached; never on 443. */
  allowsRawTunnel(host: Host, port: number): boolean;
  /** Whether a rule says `http://` of the host, so that secrets may be sent in the clear. */
  allowsPlainSecrets(host: Host, port: number): boolean;
  /** Whether any rule opens TLS. */
  readonly opensTls: boolean;
}

/**
 * Parses `network.allow` and `network.exempt`. `invalid_argument` names the entry in `details.path`: one that does not parse, and an exemption that covers the
 * host of a rule with methods or a path, which could then not be kept.
 */
export function parseNetworkRules(network: NetworkSpec): NetworkRules {
  const rules = network.allow.map((text, i) => unwrap(parseRule(text), `network.allow.${i}`, text));
  const exempt = network.exempt.map((text, i) => unwrap(parseHostPattern(text), `network.exempt.${i}`, text));
  for (const [i, pattern] of exempt.entries()) {
    const broken = rules.find((rule) => rule.request?.scheme === "https" && overlaps(pattern, rule.pattern));
    if (broken !== undefined) {
      throw invalid(`network.exempt.${i}`, `TLS of this host must be opened for the rule '${broken.text}'`);
    }
  }
  return createRules(network.mode, rules, exempt);
}

function createRules(mode: NetworkSpec["mode"], rules: readonly Rule[], exempt: readonly HostPattern[]): NetworkRules {
  const named = (host: Host, port: number) => rules.filter(({ pattern }) => matchesHost(pattern, host, port));
  const connection = (host: Host, port: number): Verdict => {
    if (mode === "none") return { allowed: false, code: "network_off", reason: "the template has no network" };
    const rule = named(host, port)[0];
    if (rule !== undefined) return { allowed: true, code: "allowed", reason: `rule '${rule.text}'` };
    if (mode === "open") return { allowed: true, code: "allowed", reason: "any public address is allowed" };
    return { allowed: false, code: "not_in_allow_list", reason: `no rule names ${formatAuthority(host.text, port)}` };
  };
  return {
    connection,
    request(target) {
      const reached = connection(target.host, target.port);
      if (!reached.allowed) return reached;
      return decideRequest(named(target.host, target.port), target) ?? reached;
    },
    readsRequests: (host, port) => named(host, port).some((rule) => rule.request !== undefined),
    isExempt: (host, port) => exempt.some((pattern) => matchesHost(pattern, host, port)),
    allowsRawTunnel(host, port) {
      if (port === 443 || mode === "none") return false;
      const list = named(host, port);
      if (list.some((rule) => rule.request !== undefined)) return false;
      return list.some(({ pattern }) => pattern.port === port) || (mode === "open" && port !== 80);
    },
    allowsPlainSecrets: (host, port) => named(host, port).some((rule) => rule.request?.scheme === "http"),
    opensTls: mode !== "none" && rules.some((rule) => rule.request?.scheme === "https"),
  };
}

/** Where rules speak of requests to this host and port, they alone decide; `undefined` where none does. */
function decideRequest(named: readonly Rule[], target: RequestTarget): Verdict | undefined {
  const rules = named.filter((rule) => rule.request !== undefined);
  if (rules.length === 0) return undefined;
  const normal = normalizePath(target.rawPath);
  const path = "path" in normal ? normal.path : undefined;
  for (const { request, text } of rules) {
    if (request?.scheme === target.scheme && matchesRequest(request, target.method, path)) {
      return { allowed: true, code: "allowed", reason: `rule '${text}'` };
    }
  }
  if ("ambiguous" in normal) {
    return {
      allowed: false,
      code: "ambiguous_path",
      reason: `the path has ${normal.ambiguous}, and a rule names paths`,
    };
  }
  const reason = `no rule for ${formatAuthority(target.host.text, target.port)} allows this method and path over ${target.scheme}`;
  return { allowed: false, code: "request_not_allowed", reason };
}

/** Whether some host and port could match both. */
function overlaps(a: HostPattern, b: HostPattern): boolean {
  const ports = (pattern: HostPattern) => (pattern.port === undefined ? [80, 443] : [pattern.port]);
  if (!ports(a).some((port) => ports(b).includes(port))) return false;
  const covers = (x: HostPattern, y: HostPattern) => x.below && y.host.text.endsWith(`.${x.host.text}`);
  if (a.host.text === b.host.text && a.below === b.below) return true;
  return covers(a, b) || covers(b, a);
}

function unwrap<T>(parsed: Parsed<T>, path: string, text: string): T {
  if ("value" in parsed) return parsed.value;
  throw invalid(path, `'${text.slice(0, 128)}': ${parsed.problem}`);
}

function invalid(path: string, message: string): GloveboxError {
  return new GloveboxError("invalid_argument", `${path}: ${message}`, { details: { path } });
}
