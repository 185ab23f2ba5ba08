import type { BoundSecret } from "../../core/index.ts";
import type { ByteMatcher } from "./byte-matcher.ts";
import type { HeaderPair } from "./headers.ts";
import { Refusal } from "./refusal.ts";
import { contains, ForbiddenBytes, replaceAll } from "./replacer.ts";
import { type HostSecrets, secretsIn } from "./secret-book.ts";

/** A request's head with values in place of placeholders. Not for logs. */
export interface OutgoingHead {
  readonly rawPath: string;
  readonly query: string;
  readonly headers: readonly HeaderPair[];
  /** Names of the secrets that were put in. */
  readonly secrets: readonly string[];
}

const BASIC = /^(basic +)([A-Za-z0-9+/_-]+={0,2})$/i;

/** Throws {@link Refusal}: `placeholder_elsewhere` and `secret_not_sendable`. */
export function fillHead(
  head: { readonly rawPath: string; readonly query: string; readonly headers: readonly HeaderPair[] },
  secrets: HostSecrets,
): OutgoingHead {
  const [raw, url] = [secrets.outgoing("raw"), secrets.outgoing("url")];
  if (raw === undefined || url === undefined) return { ...head, secrets: [] };
  const used = new Set<string>();
  const note = (text: string) => {
    for (const name of secretsIn(secrets.bound, text)) used.add(name);
  };
  const fillUrl = (text: string) => {
    note(text);
    return substitute(url, text);
  };
  const [rawPath, query] = [fillUrl(head.rawPath), fillUrl(head.query)];
  const headers = head.headers.map(([name, value]): HeaderPair => {
    if (secrets.forbidden !== undefined && contains(secrets.forbidden, Buffer.from(name, "latin1"))) throw elsewhere();
    return [name, fillHeader(value, raw, secrets.bound, note)];
  });
  return { rawPath, query, headers, secrets: [...used] };
}

function fillHeader(
  value: string,
  matcher: ByteMatcher,
  bound: readonly BoundSecret[],
  note: (text: string) => void,
): string {
  const basic = BASIC.exec(value);
  if (basic !== null) {
    const decoded = Buffer.from(basic[2] ?? "", "base64").toString("latin1");
    if (bound.some(({ placeholder }) => decoded.includes(placeholder))) {
      note(decoded);
      const filled = Buffer.from(substitute(matcher, decoded), "latin1").toString("base64");
      return `${basic[1]}${filled}`;
    }
    substitute(matcher, decoded); // refuses a placeholder that is bound elsewhere, at any alignment
  }
  note(value);
  const filled = substitute(matcher, value);
  if (/[^\t\x20-\x7e\x80-\xff]/.test(filled)) {
    throw new Refusal("secret_not_sendable", "a secret's value holds what no header may hold");
  }
  return filled;
}

/** `text` has one character a byte, as Node's headers have. */
function substitute(matcher: ByteMatcher, text: string): string {
  try {
    return replaceAll(matcher, Buffer.from(text, "latin1")).toString("latin1");
  } catch (error) {
    if (error instanceof ForbiddenBytes) throw elsewhere();
    throw error;
  }
}

export function elsewhere(): Refusal {
  return new Refusal(
    "placeholder_elsewhere",
    "a secret's placeholder was on its way to a host that the secret is not bound to, or in the clear",
  );
}
