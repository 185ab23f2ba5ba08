/** What a session may still send and receive: of all its connections together, over its life. */
export interface Allowance {
  /** Takes `bytes` away; `false` once there are not enough, and from then on. */
  take(bytes: number): boolean;
  readonly isSpent: boolean;
}

export function createAllowance(bytes: number): Allowance {
  let left = bytes;
  return {
    take(count) {
      left -= count;
      return left >= 0;
    },
    get isSpent() {
      return left <= 0;
    },
  };
}
