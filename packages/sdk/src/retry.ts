import { GloveboxError } from "./errors.ts";
import { wait } from "./wait.ts";

export interface RetryPolicy {
  /** How often a request is sent at most. 1 turns retries off. Default 4. */
  readonly attempts: number;
  /** The first pause, milliseconds; doubles each time, and half of it is random. Default 100. */
  readonly baseMs: number;
  /** The longest pause, milliseconds. A server that asks for a longer one gets no retry. Default 10,000. */
  readonly maxMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 4, baseMs: 100, maxMs: 10_000 };

/** How long to pause before the next attempt, or `undefined` when there must be none. */
export function pauseBeforeRetry(
  error: unknown,
  attempt: number,
  repeatable: boolean,
  policy: RetryPolicy,
  random: () => number = Math.random,
): number | undefined {
  if (attempt >= policy.attempts || !(error instanceof GloveboxError)) return undefined;
  if (!mayRepeat(error, repeatable)) return undefined;
  const longest = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
  const own = longest / 2 + (random() * longest) / 2;
  const asked = error.retryAfterMs ?? 0;
  return asked > policy.maxMs ? undefined : Math.max(own, asked);
}

function mayRepeat(error: GloveboxError, repeatable: boolean): boolean {
  // The server turned these away before doing anything, so even what must not happen twice may be asked again.
  if (error.status === 429) return error.code === "rate_limited" || error.retryAfterMs !== undefined;
  if (!repeatable) return false;
  // `conflict` with a pause: another request with the same idempotency key is being worked on.
  if (error.code === "unavailable" || error.retryAfterMs !== undefined) return true;
  return error.status === 502 || error.status === 504 ? error.code !== "timeout" : false;
}

/** Calls `attempt` until it succeeds, fails for good, or the policy is used up. */
export async function withRetry<T>(
  attempt: () => Promise<T>,
  options: { readonly repeatable: boolean; readonly policy: RetryPolicy; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      const pauseMs = pauseBeforeRetry(error, count, options.repeatable, options.policy);
      if (pauseMs === undefined) throw error;
      await wait(pauseMs, options.signal);
    }
  }
}
