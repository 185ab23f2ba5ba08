import type { BoundSecret } from "../../core/index.ts";
import { GloveboxError } from "../../core/index.ts";
import { type ByteMatcher, createByteMatcher, type Needle } from "./byte-matcher.ts";
import type { Host } from "./host.ts";
import { type HostPattern, matchesHost, parseHostPattern } from "./rule.ts";
import { base64Spellings, jsonSpelling, unique, urlSpellings } from "./spellings.ts";

/** What a text is, which decides how a value is written into it. */
export type TextKind = "raw" | "url" | "json";

/** A session's secrets, and what may be done with them at each host. */
export interface SecretBook {
  readonly isEmpty: boolean;
  /** Whether a secret is bound to `host:port`. */
  isBound(host: Host, port: number): boolean;
  /** The view of one host. `open`: whether values may be sent there at all; otherwise every placeholder is refused. */
  at(host: Host, port: number, open: boolean): HostSecrets;
  /** Masks placeholders and values: for what is recorded. */
  mask(text: string): string;
}

export interface HostSecrets {
  /** Those whose values may be sent. */
  readonly bound: readonly BoundSecret[];
  /** Finds the placeholders of the others: raw, URL-encoded, base64. `undefined` when there are none. */
  readonly forbidden: ByteMatcher | undefined;
  /** Puts values in for placeholders, and fails on the forbidden ones. `undefined` when there are no secrets at all. */
  outgoing(kind: TextKind): ByteMatcher | undefined;
  /** Puts placeholders in for values, however they are spelt. `undefined` when none is bound. */
  readonly incoming: ByteMatcher | undefined;
}

interface Entry {
  readonly secret: BoundSecret;
  readonly patterns: readonly HostPattern[];
}

/** `invalid_argument` when a host of a secret does not parse, a placeholder is empty, or one contains another. */
export function createSecretBook(secrets: readonly BoundSecret[]): SecretBook {
  const entries = secrets.filter(({ value }) => value !== "").map(toEntry);
  for (const { secret } of entries) {
    const clash = entries.some(
      (other) => other.secret !== secret && other.secret.placeholder.includes(secret.placeholder),
    );
    if (secret.placeholder.length < 8 || clash) throw invalid(secret, "its placeholder is too short or not its own");
  }
  const views = new Map<string, HostSecrets>();
  const masks = entries.flatMap(({ secret }) => [
    ...placeholderSpellings(secret).map((text) => text.toLowerCase()),
    ...valueSpellings(secret).map((text) => text.toLowerCase()),
  ]);
  const isBound = ({ patterns }: Entry, host: Host, port: number) => patterns.some((p) => matchesHost(p, host, port));
  return {
    isEmpty: entries.length === 0,
    isBound: (host, port) => entries.some((entry) => isBound(entry, host, port)),
    at(host, port, open) {
      const bound = entries.map((entry) => open && isBound(entry, host, port));
      const key = bound.map(Number).join("");
      const view = views.get(key) ?? createView(entries, bound);
      if (views.size < 256) views.set(key, view);
      return view;
    },
    mask: (text) => maskAll(text, masks),
  };
}

function createView(entries: readonly Entry[], isBound: readonly boolean[]): HostSecrets {
  const bound = entries.filter((_, i) => isBound[i]).map(({ secret }) => secret);
  const others = entries.filter((_, i) => !isBound[i]).map(({ secret }) => secret);
  const refused: Needle[] = others.flatMap((secret) =>
    placeholderSpellings(secret).map((text) => ({ find: Buffer.from(text) })),
  );
  const outgoing = new Map<TextKind, ByteMatcher>();
  return {
    bound,
    forbidden: refused.length === 0 ? undefined : createByteMatcher(refused),
    outgoing(kind) {
      if (entries.length === 0) return undefined;
      const matcher =
        outgoing.get(kind) ?? createByteMatcher([...refused, ...bound.flatMap((s) => substitutions(s, kind))]);
      outgoing.set(kind, matcher);
      return matcher;
    },
    incoming:
      bound.length === 0
        ? undefined
        : createByteMatcher(
            bound.flatMap((secret) =>
              valueSpellings(secret).map((text) => ({
                find: Buffer.from(text),
                replace: Buffer.from(secret.placeholder),
              })),
            ),
          ),
  };
}

/** Which of `secrets` have their placeholder in `text`, in any spelling that is replaced. */
export function secretsIn(secrets: readonly BoundSecret[], text: string): string[] {
  const found = secrets.filter(({ placeholder }) => {
    return text.includes(placeholder) || urlSpellings(placeholder).some((spelling) => text.includes(spelling));
  });
  return found.map(({ name }) => name);
}

function substitutions(secret: BoundSecret, kind: TextKind): Needle[] {
  const written = { raw: secret.value, url: encodeURIComponent(secret.value), json: jsonSpelling(secret.value) }[kind];
  const replace = Buffer.from(written, "utf8");
  const finds =
    kind === "url" ? urlSpellings(secret.placeholder) : kind === "json" ? [jsonSpelling(secret.placeholder)] : [];
  return unique([secret.placeholder, ...finds]).map((find) => ({
    find: Buffer.from(find),
    replace,
    name: secret.name,
  }));
}

function placeholderSpellings({ placeholder }: BoundSecret): string[] {
  return unique([
    placeholder,
    jsonSpelling(placeholder),
    ...urlSpellings(placeholder),
    ...base64Spellings(placeholder),
  ]);
}

function valueSpellings({ value }: BoundSecret): string[] {
  return unique([value, jsonSpelling(value), ...urlSpellings(value), ...base64Spellings(value)]);
}

/** `needles` are in lower case, because hosts are recorded so. */
function maskAll(text: string, needles: readonly string[]): string {
  let masked = text;
  for (const needle of needles) {
    for (let at = masked.toLowerCase().indexOf(needle); at !== -1; at = masked.toLowerCase().indexOf(needle, at + 3)) {
      masked = `${masked.slice(0, at)}***${masked.slice(at + needle.length)}`;
    }
  }
  return masked;
}

function toEntry(secret: BoundSecret): Entry {
  const patterns = secret.hosts.map((text) => {
    const parsed = parseHostPattern(text);
    if ("problem" in parsed) throw invalid(secret, `its host '${text.slice(0, 128)}' is ${parsed.problem}`);
    return parsed.value;
  });
  return { secret, patterns };
}

function invalid(secret: BoundSecret, problem: string): GloveboxError {
  return new GloveboxError("invalid_argument", `secret '${secret.name}': ${problem}`, {
    details: { path: `secrets.${secret.name}` },
  });
}
