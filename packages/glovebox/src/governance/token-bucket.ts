import type { Clock, RateLimiter } from "../core/index.ts";

export interface TokenBucketOptions {
  /** Takes per second in the long run; 0 means no limit. */
  readonly perSecond: number;
  /** Takes at once. */
  readonly burst: number;
  readonly clock: Clock;
  /** Callers remembered; the longest unseen are forgotten first. Default 10,000. */
  readonly maxKeys?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** One bucket per key, filled at a steady rate. */
export function createTokenBucket(options: TokenBucketOptions): RateLimiter {
  const { perSecond, burst, clock } = options;
  if (perSecond === 0) return { take: () => 0 };
  const maxKeys = options.maxKeys ?? 10_000;
  const buckets = new Map<string, Bucket>();

  return {
    take(key: string): number {
      const nowMs = clock.monotonicMs();
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        if (buckets.size >= maxKeys) evict(buckets, maxKeys);
        bucket = { tokens: burst, atMs: nowMs };
        buckets.set(key, bucket);
      } else {
        bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
        bucket.atMs = nowMs;
      }
      if (bucket.tokens < 1) return Math.max(1, Math.ceil(((1 - bucket.tokens) / perSecond) * 1000));
      bucket.tokens -= 1;
      return 0;
    },
  };
}

/** Forgets the tenth that was seen least recently, so that the cost is spread over many takes. */
function evict(buckets: Map<string, Bucket>, maxKeys: number): void {
  const oldest = [...buckets].sort((a, b) => a[1].atMs - b[1].atMs).slice(0, Math.ceil(maxKeys / 10));
  for (const [key] of oldest) buckets.delete(key);
}
