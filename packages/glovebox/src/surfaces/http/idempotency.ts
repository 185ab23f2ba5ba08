import { hash } from "node:crypto";
import { canonicalJson, GloveboxError } from "../../core/index.ts";
import type { IdempotencyStore } from "../../store/index.ts";

const KEY = /^[\x21-\x7e]{1,255}$/;

/** The `Idempotency-Key` header; `invalid_argument` when it is not 1 to 255 printable ASCII characters. */
export function idempotencyKeyOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const key = headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key === "string" && KEY.test(key)) return key;
  throw new GloveboxError("invalid_argument", "Idempotency-Key must be 1 to 255 printable ASCII characters", {
    details: { in: "header", path: "idempotency-key" },
  });
}

export interface OnceRequest<T> {
  readonly tenantId: string;
  readonly operation: string;
  readonly key: string;
  /** What must be the same when the key comes again. */
  readonly request: unknown;
  /** Does the work and names the entity it made. */
  readonly work: () => Promise<{ readonly entityId: string; readonly answer: T }>;
  /** The answer for the entity that an earlier request made. */
  readonly replay: (entityId: string) => Promise<T>;
}

/** Does the work once per key: the second request with the key gets the first one's entity. */
export async function once<T>(
  store: IdempotencyStore,
  once: OnceRequest<T>,
): Promise<{ readonly answer: T; readonly replayed: boolean }> {
  const { tenantId, operation, key } = once;
  const claim = await store.claim(tenantId, operation, key, hash("sha256", canonicalJson(once.request), "hex"));
  if (claim.state === "settled") return { answer: await once.replay(claim.entityId), replayed: true };
  if (claim.state === "conflict") {
    throw new GloveboxError("conflict", "this Idempotency-Key was used with another request");
  }
  if (claim.state === "pending") {
    throw new GloveboxError("conflict", "a request with this Idempotency-Key is being worked on", {
      details: { retryAfterMs: 1000 },
    });
  }
  let made: { readonly entityId: string; readonly answer: T };
  try {
    made = await once.work();
  } catch (error) {
    await store.release(tenantId, operation, key);
    throw error;
  }
  await store.settle(tenantId, operation, key, made.entityId);
  return { answer: made.answer, replayed: false };
}
