import { hash, randomBytes } from "node:crypto";

/** What every token's secret starts with, so that people and the redactor recognise one. */
export const SECRET_PREFIX = "gbx_";
const SECRET = /^[\x21-\x7e]{16,512}$/;

/** A new secret: 256 random bits. */
export function makeSecret(): string {
  return SECRET_PREFIX + randomBytes(32).toString("base64url");
}

/** Whether `text` could be a secret at all (16 to 512 printable ASCII characters); the user may choose the root token's own. */
export function isSecretShaped(text: string): boolean {
  return SECRET.test(text);
}

/**
 * SHA-256, hex: all that is stored. A plain hash is enough for secrets of 256 random bits; looking one up by its hash gives
 * an attacker no useful timing, since the hash's bytes cannot be chosen.
 */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "hex");
}

/** The characters by which a person tells tokens apart in a list. */
export function secretPrefix(secret: string): string {
  return secret.slice(0, secret.startsWith(SECRET_PREFIX) ? 10 : 4);
}
