import { type Address, parseAddress } from "./address.ts";

/** A host in its one spelling: what rules, names and certificates are compared with. */
export interface Host {
  /** Lower case, without a trailing dot, in punycode; an address in its one spelling, IPv6 without brackets. */
  readonly text: string;
  /** Present when the host is an address and not a name. */
  readonly address?: Address;
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_NAME = 253;

/**
 * Any spelling of a host: names by the rules of URLs (case, full-width letters and dots, punycode), IPv4 as decimal, octal, hex or short, IPv6 in brackets
 * or bare. `undefined` for what is no host: escapes, zones, userinfo, empty or overlong labels.
 */
export function parseHost(raw: string): Host | undefined {
  if (raw === "" || raw.length > 1024) return undefined;
  const bare = raw.startsWith("[") ? undefined : parseAddress(raw);
  if (bare !== undefined) return { text: bare.text, address: bare };
  // What the URL parser would take for the end of the host, an escape or a zone, and what it silently drops.
  if (/[\s/\\?#@%|^<>\p{Cc}]/u.test(raw)) return undefined;
  if (raw.startsWith("[") ? !raw.endsWith("]") : /[:[\]]/.test(raw)) return undefined;
  let hostname: string;
  try {
    hostname = new URL(`http://${raw}/`).hostname;
  } catch {
    return undefined;
  }
  return fromUrlHostname(hostname);
}

/** As {@link parseHost}, from the `hostname` of a parsed `http:` or `https:` URL. */
function fromUrlHostname(hostname: string): Host | undefined {
  const address = parseAddress(hostname.startsWith("[") ? hostname.slice(1, -1) : hostname);
  if (address !== undefined) return { text: address.text, address };
  const name = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  if (name.length > MAX_NAME || !name.split(".").every((label) => LABEL.test(label))) return undefined;
  return { text: name };
}

export interface Authority {
  readonly host: Host;
  /** Absent where none is given. */
  readonly port?: number;
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`: a Host header, `:authority` or the target of CONNECT. Userinfo and bad ports: `undefined`. */
export function parseAuthority(raw: string): Authority | undefined {
  const match = /^(\[[^[\]]*\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(raw);
  const host = match === null ? undefined : parseHost(match[1] ?? "");
  if (host === undefined || match === null) return undefined;
  if (match[2] === undefined) return { host };
  const port = parsePort(match[2]);
  return port === undefined ? undefined : { host, port };
}

/** 1 to 65535 in decimal digits. */
export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** `host:port` with brackets where they are needed; without the port when it is the scheme's own. */
export function formatAuthority(host: string, port: number, scheme?: "http" | "https"): string {
  const text = host.includes(":") ? `[${host}]` : host;
  return scheme !== undefined && port === DEFAULT_PORTS[scheme] ? text : `${text}:${port}`;
}

export const DEFAULT_PORTS = { http: 80, https: 443 } as const;
