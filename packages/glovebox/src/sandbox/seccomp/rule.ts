/** What the kernel does with a system call. */
export type Verdict =
  | { readonly kind: "allow" }
  | { readonly kind: "errno"; readonly errno: number }
  | { readonly kind: "kill" };

/** Of the low 32 bits of an argument: that is all the kernel looks at in the calls that we check. */
export interface Condition {
  readonly argument: 0 | 1 | 2 | 3 | 4 | 5;
  readonly test: "equals" | "any-bit";
  readonly value: number;
}

/** One verdict, or one that depends on the arguments: the first case all of whose conditions hold. */
export type Rule =
  | Verdict
  | {
      readonly kind: "cases";
      readonly cases: readonly { readonly when: readonly Condition[]; readonly verdict: Verdict }[];
      readonly otherwise: Verdict;
    };

export const ERRNO = { EPERM: 1, ENOSYS: 38, EPROTONOSUPPORT: 93, EAFNOSUPPORT: 97 } as const;

export const ALLOW: Verdict = { kind: "allow" };
export const REFUSE: Verdict = { kind: "errno", errno: ERRNO.EPERM };
export const UNKNOWN: Verdict = { kind: "errno", errno: ERRNO.ENOSYS };
export const KILL: Verdict = { kind: "kill" };
