/** The two clocks. Durations use `monotonicMs`; `nowMs` is only for timestamps and deadlines that are stored. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** RFC 3339 in UTC with milliseconds: the only form in which times leave the process. */
export function toTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}
