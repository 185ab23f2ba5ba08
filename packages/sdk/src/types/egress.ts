import type { NetworkInput } from "./template.ts";

export interface EgressTest {
  /** Whose network to ask, by id or name; or give `network`. */
  readonly template?: string | undefined;
  readonly network?: NetworkInput | undefined;
  /** `http:` or `https:`. */
  readonly url: string;
  /** In capital letters. Default `GET`. */
  readonly method?: string | undefined;
}

/** What the proxy would decide, and why. */
export interface EgressDecision {
  readonly allowed: boolean;
  /** For programs: `allowed`, `not_in_allow_list`, `private_address`, …. */
  readonly code: string;
  readonly reason: string;
  readonly host: string;
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  readonly secrets?: readonly string[];
}
