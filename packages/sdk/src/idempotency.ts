import type { CreateOptions } from "./types/page.ts";

/** The caller's key, or a new one: with it a create that got no answer can be sent again. */
export function idempotencyKey(options: CreateOptions | undefined): string {
  return options?.idempotencyKey ?? randomKey();
}

/** `crypto.randomUUID` is missing in a browser on a page without TLS; random bytes are not. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
