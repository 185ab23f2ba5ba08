import { METHODS } from "node:http";
import { DEFAULT_PORTS, type Host, parseAuthority } from "./host.ts";
import { normalizePath } from "./request-path.ts";

/** `host`, `host:port`, `*.host`, `*.host:port`. */
export interface HostPattern {
  /** For `*.host` what comes after the star, else the whole. */
  readonly host: Host;
  /** Whether names below `host` are meant, at any depth, and not `host` itself. */
  readonly below: boolean;
  /** Absent: 443 and 80. */
  readonly port?: number;
}

/** What a rule says of requests, for which they must be readable. */
export interface RequestPattern {
  readonly scheme: "http" | "https";
  /** Empty: all. */
  readonly methods: readonly string[];
  /** Normal form; `undefined`: any path, even one that has no normal form. */
  readonly path?: string;
  /** Whether `path` is a beginning. */
  readonly prefix: boolean;
}

/** One entry of `NetworkSpec.allow`. */
export interface Rule {
  /** As it was written, for explanations. */
  readonly text: string;
  readonly pattern: HostPattern;
  readonly request?: RequestPattern;
}

/** A value, or what is wrong with the text. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

const KNOWN_METHODS = new Set(METHODS.filter((method) => method !== "CONNECT"));

/** Parses an entry without method and path: of `exempt`, or of a secret's hosts. */
export function parseHostPattern(text: string): Parsed<HostPattern> {
  const below = text.startsWith("*.");
  const authority = parseAuthority(below ? text.slice(2) : text);
  if (authority === undefined) return { problem: "neither `host` nor `host:port`, with `*.` before it or not" };
  if (below && authority.host.address !== undefined) return { problem: "nothing lies below an address" };
  const { host, port } = authority;
  return { value: { host, below, ...(port === undefined ? {} : { port }) } };
}

/** Parses `host…`, `scheme://host[:port][/path[*]]` or `METHOD[,METHOD] scheme://…`. */
export function parseRule(text: string): Parsed<Rule> {
  const match = /^(?:([A-Z][A-Z,-]*) )?(https?):\/\/([^/?#]+)(\/[^?#]*)?$/.exec(text);
  if (match === null) {
    if (/[\s/?#]/.test(text)) return { problem: "not `[METHODS ]http[s]://host[:port][/path]`, and no query" };
    const pattern = parseHostPattern(text);
    return "problem" in pattern ? pattern : { value: { text, pattern: pattern.value } };
  }
  const [, methods, scheme, authority = "", path = "/*"] = match;
  const pattern = parseHostPattern(authority);
  if ("problem" in pattern) return pattern;
  const request = parseRequest(scheme === "http" ? "http" : "https", methods, path);
  if ("problem" in request) return request;
  const port = pattern.value.port ?? DEFAULT_PORTS[request.value.scheme];
  return { value: { text, pattern: { ...pattern.value, port }, request: request.value } };
}

function parseRequest(scheme: "http" | "https", list: string | undefined, path: string): Parsed<RequestPattern> {
  const methods = list === undefined ? [] : list.split(",");
  const unknown = methods.find((method) => !KNOWN_METHODS.has(method));
  if (unknown !== undefined) return { problem: `no such method: '${unknown.slice(0, 32)}'` };
  if (path === "/*") return { value: { scheme, methods, prefix: true } };
  const prefix = path.endsWith("*");
  const literal = prefix ? path.slice(0, -1) : path;
  if (literal.includes("*")) return { problem: "`*` stands only at a path's end" };
  const normal = normalizePath(literal);
  if ("ambiguous" in normal) return { problem: `the path has ${normal.ambiguous}` };
  return { value: { scheme, methods, path: normal.path, prefix } };
}

/** Whether the pattern names `host` at `port`. An address is matched by itself alone. */
export function matchesHost(pattern: HostPattern, host: Host, port: number): boolean {
  const portFits = pattern.port === undefined ? port === 443 || port === 80 : pattern.port === port;
  if (!portFits) return false;
  if (!pattern.below) return pattern.host.text === host.text;
  return host.address === undefined && host.text.endsWith(`.${pattern.host.text}`);
}

/** Whether the pattern allows a request. `path`: `undefined` when it has no normal form. */
export function matchesRequest(pattern: RequestPattern, method: string, path: string | undefined): boolean {
  // HEAD asks for less than GET, and clients send it where they may GET.
  const asked = method === "HEAD" && pattern.methods.includes("GET") ? "GET" : method;
  if (pattern.methods.length > 0 && !pattern.methods.includes(asked)) return false;
  if (pattern.path === undefined) return true;
  if (path === undefined) return false;
  return pattern.prefix ? path.startsWith(pattern.path) : path === pattern.path;
}
