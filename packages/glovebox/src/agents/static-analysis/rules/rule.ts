import type { Severity } from "../../messages/artifact.ts";

/** What ast-grep finds: a rule in its own language, and what its variables have to be. */
export interface AstRule {
  readonly id: string;
  readonly severity: Severity;
  readonly message: string;
  readonly suggestion: string;
  /** Of the Common Weakness Enumeration. */
  readonly cwe?: number;
  readonly rule: object;
  readonly constraints?: Readonly<Record<string, object>>;
}

/** A piece of code that is put together out of others: `"a" + b`, `` `a${b}` ``. */
export const JOINED = {
  any: [
    { kind: "template_string", has: { kind: "template_substitution" } },
    { kind: "binary_expression", regex: "\\+" },
  ],
};

export const SECRET_FORMATS =
  "(AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk_live_[A-Za-z0-9]{16,}|AIza[0-9A-Za-z_-]{35}|-----BEGIN [A-Z ]*PRIVATE KEY-----)";
