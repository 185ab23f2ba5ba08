import { type ErrorCode, type GloveboxError, toGloveboxError } from "../core/index.ts";
import type { JournaledError } from "./journal/record.ts";
import type { RetryPolicy } from "./program.ts";

/** What passes by itself. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "unavailable",
  "timeout",
  "resource_exhausted",
  "rate_limited",
  "queue_full",
  "isolation_unavailable",
  "model_unavailable",
  "forge_unavailable",
]);

const DEFAULT_ATTEMPTS = 3;
const MAX_ATTEMPTS = 100;
const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 60_000;
/** An hour, after which limits of the rate have passed everywhere. */
const MAX_ASKED_MS = 3_600_000;

/** Whether another attempt may help: by the error's code, or because the error says so in `details.retryable`. */
export function isRetryable(error: GloveboxError): boolean {
  const said = error.details?.retryable;
  return typeof said === "boolean" ? said : RETRYABLE.has(error.code);
}

/**
 * How long to wait after `failures` failed attempts, or `undefined` when there is to be no other. 1, 2, 4 … up to 60 s by default; of which the
 * second half is left to chance (`random` from 0 to 1), so that those who failed together do not come back together. Longer where the error's
 * `details.retryAfterMs` says so.
 */
export function nextDelayMs(
  policy: RetryPolicy | undefined,
  error: GloveboxError,
  failures: number,
  random: number,
): number | undefined {
  const maxAttempts = Math.min(policy?.maxAttempts ?? DEFAULT_ATTEMPTS, MAX_ATTEMPTS);
  if (failures >= maxAttempts) return undefined;
  if (!(policy?.when?.(error) ?? isRetryable(error))) return undefined;
  const first = policy?.firstDelayMs ?? FIRST_DELAY_MS;
  const full = Math.min(first * 2 ** (failures - 1), policy?.maxDelayMs ?? MAX_DELAY_MS);
  return Math.max(Math.round(full * (0.5 + random / 2)), askedOf(error));
}

/** What the other side said to wait, `details.retryAfterMs`; before that, another attempt only makes it worse. */
function askedOf({ details }: GloveboxError): number {
  const asked = details?.retryAfterMs;
  return typeof asked === "number" && asked > 0 ? Math.min(asked, MAX_ASKED_MS) : 0;
}

export function toJournaledError(thrown: unknown): JournaledError {
  const error = toGloveboxError(thrown);
  return { ...error.toBody(), retryable: isRetryable(error) };
}
