import { isIPv4 } from "node:net";
import { GloveboxError } from "../../core/index.ts";

const LABEL = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/;

/**
 * A host that may be sent a secret, in its one spelling: `host`, `*.host` (names below it), or with `:port` (443 and 80 where none is named). Lower
 * case, ASCII: international names in their `xn--` form. `invalid_argument` for everything else: what is not understood must not get a secret.
 */
export function normalizeHostPattern(text: string): string {
  const { host, port } = split(text.toLowerCase());
  const isWildcard = host.startsWith("*.");
  const name = isWildcard ? host.slice(2) : host;
  const labels = name.split(".");
  if (name.length > 253 || !labels.every((label) => LABEL.test(label))) throw refuse(text);
  // A last label of digits makes it an address, of which there is one spelling only.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "") && (isWildcard || !isIPv4(name))) throw refuse(text);
  if (isWildcard && labels.length < 2) throw refuse(text, "a whole top-level domain is too much");
  return port === undefined ? host : `${host}:${port}`;
}

function split(text: string): { host: string; port?: number } {
  const match = /^([^:]*):(\d{1,5})$/.exec(text);
  if (match === null) return { host: text };
  const port = Number(match[2]);
  if (port < 1 || port > 65_535) throw refuse(text, "ports are 1 to 65535");
  return { host: match[1] ?? "", port };
}

function refuse(text: string, reason = "it must be host, *.host, host:port or *.host:port"): GloveboxError {
  return new GloveboxError("invalid_argument", `not a host that a secret can be bound to: ${quoted(text)}; ${reason}`, {
    details: { path: "hosts" },
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
