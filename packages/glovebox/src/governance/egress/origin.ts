import { METHODS } from "node:http";
import { type HeaderPair, valuesOf } from "./headers.ts";
import { type Authority, DEFAULT_PORTS, type Host, parseAuthority, parseHost } from "./host.ts";
import type { RequestTarget } from "./network-rules.ts";
import { Refusal } from "./refusal.ts";

/** How a request came to the proxy, which says what form it must have. */
export type Origin =
  /** To the proxy's port: absolute form. */
  | { readonly kind: "proxy" }
  /** Redirected on its way to `host:port`, in the clear: origin form. */
  | { readonly kind: "redirected"; readonly host: Host; readonly port: number }
  /** Within TLS that was opened for `host:port`: origin form. */
  | { readonly kind: "opened"; readonly host: Host; readonly port: number };

/** The head of a request, from HTTP/1.1 or HTTP/2. */
export interface RequestHead {
  readonly method: string;
  /** `1.1`, `2.0`, … */
  readonly version: string;
  /** The request target as sent. */
  readonly url: string;
  readonly headers: readonly HeaderPair[];
  /** `:authority` and `:scheme`, of HTTP/2. */
  readonly pseudo?: { readonly authority: string | undefined; readonly scheme: string | undefined };
}

/** Where a request goes, with its query (`?…` or empty). */
export interface Destination extends RequestTarget {
  readonly query: string;
}

const KNOWN_METHODS = new Set(METHODS.filter((method) => method !== "CONNECT"));
const VERSIONS = new Set(["1.0", "1.1", "2.0"]);
const MAX_URL = 16_384;

/** Reads where a request goes. Throws {@link Refusal} for every form that could be read in two ways. */
export function readDestination(origin: Origin, head: RequestHead): Destination {
  if (!KNOWN_METHODS.has(head.method)) throw new Refusal("malformed_request", "no known method");
  if (!VERSIONS.has(head.version)) throw new Refusal("malformed_request", "no version of HTTP that is spoken here");
  const coded = valuesOf(head.headers, "transfer-encoding");
  if (coded.length > 1 || (coded[0] ?? "chunked").toLowerCase() !== "chunked") {
    throw new Refusal("malformed_request", "a Transfer-Encoding other than chunked");
  }
  if (head.url.length > MAX_URL) throw new Refusal("malformed_request", "the URL is longer than 16 KiB");
  if (!/^[\x21-\x7e]*$/.test(head.url) || head.url.includes("#")) {
    throw new Refusal("malformed_request", "the URL holds what must be escaped");
  }
  return origin.kind === "proxy" ? readAbsolute(head) : readRelative(origin, head);
}

function readAbsolute(head: RequestHead): Destination {
  const match = /^(https?):\/\/([^/?]*)(\/[^?]*)?(\?.*)?$/i.exec(head.url);
  if (match === null) {
    throw new Refusal(
      "not_a_proxy_request",
      "this is a proxy: ask for http://host/path, or CONNECT host:port for https",
    );
  }
  const [, scheme = "", text = "", rawPath = "/", query = ""] = match;
  if (scheme.toLowerCase() === "https") {
    throw new Refusal("not_a_proxy_request", "https is asked for with CONNECT, so that TLS goes to the end");
  }
  const { host, port = DEFAULT_PORTS.http } = readAuthority(text);
  const hosts = valuesOf(head.headers, "host");
  if (hosts.length !== 1)
    throw new Refusal("malformed_request", hosts.length === 0 ? "no Host header" : "more than one Host header");
  agree({ host, port }, readAuthority(hosts[0] ?? ""), DEFAULT_PORTS.http);
  return { scheme: "http", host, port, method: head.method, rawPath, query };
}

function readRelative(origin: Exclude<Origin, { kind: "proxy" }>, head: RequestHead): Destination {
  const match = /^(\/[^?]*)(\?.*)?$/.exec(head.url);
  if (match === null) throw new Refusal("malformed_request", "the request target must be a path");
  const [, rawPath = "/", query = ""] = match;
  const named = readNamed(head);
  const scheme = origin.kind === "opened" ? "https" : "http";
  const common = { scheme, method: head.method, rawPath, query } as const;
  if (origin.kind === "opened") {
    agree(origin, named, DEFAULT_PORTS.https);
    return { ...common, host: origin.host, port: origin.port };
  }
  // What the program looked up is only known when the driver passed the name on; else the Host header names it, and the proxy looks it up.
  const host = origin.host.address === undefined ? origin.host : named.host;
  agree({ host, port: origin.port }, named, origin.port);
  if (origin.host.address !== undefined && named.host.address !== undefined) agree(origin, named, origin.port);
  return { ...common, host, port: origin.port };
}

/** The one authority that a request in origin form names. */
function readNamed(head: RequestHead): Authority {
  const hosts = valuesOf(head.headers, "host");
  const { pseudo } = head;
  if (pseudo !== undefined && pseudo.scheme !== "https")
    throw new Refusal("malformed_request", "the scheme must be https");
  const all = pseudo?.authority === undefined ? hosts : [pseudo.authority, ...hosts];
  const most = pseudo?.authority === undefined ? 1 : 2;
  if (all.length === 0) throw new Refusal("malformed_request", "no Host header");
  if (all.length > most) throw new Refusal("malformed_request", "more than one Host header");
  const [first, second] = all.map(readAuthority);
  if (first === undefined) throw new Refusal("malformed_request", "no Host header");
  if (second !== undefined) agree({ host: first.host, port: first.port ?? 443 }, second, DEFAULT_PORTS.https);
  return first;
}

function agree(expected: { readonly host: Host; readonly port: number }, named: Authority, defaultPort: number): void {
  if (expected.host.text !== named.host.text || expected.port !== (named.port ?? defaultPort)) {
    throw new Refusal("host_mismatch", "the Host header names another host or port than the request");
  }
}

/** As {@link parseAuthority}; throws {@link Refusal} that says what is wrong. */
export function readAuthority(text: string): Authority {
  const authority = parseAuthority(text);
  if (authority !== undefined) return authority;
  if (text.includes("@")) throw new Refusal("malformed_request", "user and password do not belong into a URL");
  if (/:\d*$/.test(text) && parseHost(text.replace(/:\d*$/, "")) !== undefined) {
    throw new Refusal("invalid_port", "a port is a number from 1 to 65535");
  }
  throw new Refusal("invalid_host", "not a host name or address");
}
