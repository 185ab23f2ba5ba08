import type { Severity } from "../../messages/artifact.ts";

interface RuffRule {
  readonly severity: Severity;
  readonly cwe?: number;
}

const error = (cwe?: number): RuffRule => ({ severity: "error", ...(cwe !== undefined && { cwe }) });
const warn = (cwe?: number): RuffRule => ({ severity: "warn", ...(cwe !== undefined && { cwe }) });

/** Ruff's rules that count here, by code or by the beginning of codes; the longest that fits says how much. */
const RULES: Readonly<Record<string, RuffRule>> = {
  F: warn(),
  F82: error(), // names that nothing defines
  F70: error(), // `return` and `break` outside
  F63: error(), // comparisons that are always so
  E9: error(),
  E711: warn(),
  E712: warn(),
  E722: warn(396), // bare except
  B: warn(),
  PLE: error(),
  T201: warn(), // print
  S102: error(95), // exec
  S307: error(95), // eval
  S103: warn(732), // permissions
  S104: warn(605), // every address
  S105: error(798),
  S106: error(798),
  S107: error(798),
  S108: warn(377),
  S110: warn(390), // except: pass
  S112: warn(390),
  S113: warn(400), // no timeout
  S201: error(94), // Flask's debugger
  S202: error(22), // tarfile.extractall
  S301: error(502), // pickle
  S302: error(502), // marshal
  S303: warn(327),
  S304: error(327),
  S305: error(327),
  S306: warn(377), // mktemp
  S308: warn(79), // mark_safe
  S311: warn(338), // random
  S313: warn(611),
  S314: warn(611), // XML
  S315: warn(611),
  S316: warn(611),
  S317: warn(611),
  S318: warn(611),
  S319: warn(611),
  S323: error(295),
  S324: warn(327), // weak hash
  S501: error(295), // verify=False
  S502: error(327),
  S503: error(327),
  S506: error(502), // yaml.load
  S507: error(295), // host keys
  S508: warn(319),
  S509: warn(319),
  S602: error(78), // shell=True
  S604: error(78),
  S605: error(78), // os.system with values
  S608: error(89), // SQL out of values
  S610: error(89),
  S611: error(89),
  S612: error(94),
  S701: error(79), // autoescape off
  S702: error(79),
};

/** Of `B`: matters of taste. */
export const IGNORED = ["B904", "B905", "B028", "F403", "F405"] as const;

export const SELECTED: readonly string[] = Object.keys(RULES);

export function ruffRule(code: string): RuffRule {
  for (let length = code.length; length > 0; length -= 1) {
    const rule = RULES[code.slice(0, length)];
    if (rule !== undefined) return rule;
  }
  return warn();
}
