import { GloveboxError } from "../../core/index.ts";
import { normalizeHostPattern } from "./host-pattern.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;
const MAX_HOSTS = 64;
/** Shorter ones cannot be masked in output without masking everything else too. */
export const MIN_VALUE_CHARACTERS = 8;
export const MAX_VALUE_BYTES = 65_536;

export interface SecretInput {
  /** Of an environment variable. */
  readonly name: string;
  /** 8 characters or more, 65,536 bytes of UTF-8 or less, no NUL. */
  readonly value: string;
  /** Who may be sent the value: `host`, `*.host`, either with `:port`. 1 to 64. */
  readonly hosts: readonly string[];
}

/** The input with its hosts in their one spelling. `invalid_argument` tells what is wrong, never the value. */
export function checkSecretInput({ name, value, hosts }: SecretInput): SecretInput {
  if (!NAME.test(name)) throw refuse("name", "it must be a name of an environment variable");
  if ([...value.slice(0, 2 * MIN_VALUE_CHARACTERS)].length < MIN_VALUE_CHARACTERS) {
    throw refuse("value", `it must have ${MIN_VALUE_CHARACTERS} characters or more: shorter ones cannot be masked`);
  }
  if (value.length > MAX_VALUE_BYTES || Buffer.byteLength(value) > MAX_VALUE_BYTES) {
    throw refuse("value", `it must have ${MAX_VALUE_BYTES} bytes or less`);
  }
  if (value.includes("\0") || !value.isWellFormed()) throw refuse("value", "it must be text without NUL");
  if (hosts.length === 0 || hosts.length > MAX_HOSTS) throw refuse("hosts", `there must be 1 to ${MAX_HOSTS}`);
  return { name, value, hosts: [...new Set(hosts.map(normalizeHostPattern))] };
}

function refuse(path: string, message: string): GloveboxError {
  return new GloveboxError("invalid_argument", `${path}: ${message}`, { details: { path } });
}
