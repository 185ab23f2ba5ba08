import { type AstRule, SECRET_FORMATS } from "./rule.ts";

const REQUEST =
  "\\brequest\\.(args|form|values|json|files|headers|cookies|GET|POST|query_params|path_params|get_json)\\b";

/** What ruff has no rule for. */
export const PYTHON_RULES: readonly AstRule[] = [
  {
    id: "py/path-traversal",
    severity: "error",
    message: "A path comes out of a request",
    suggestion: "Resolve it, and check that it is still within its folder.",
    cwe: 22,
    rule: { pattern: "$OPEN($$$ARGS)", has: { kind: "argument_list", regex: REQUEST } },
    constraints: {
      OPEN: {
        regex: "^(open|os\\.path\\.join|os\\.(remove|unlink|open)|send_file|pathlib\\.Path|Path|shutil\\.\\w+)$",
      },
    },
  },
  {
    id: "py/hard-coded-secret",
    severity: "error",
    message: "A secret stands in the code",
    suggestion: "Read it from the environment or a secret store, and change it.",
    cwe: 798,
    rule: { kind: "string", regex: SECRET_FORMATS },
  },
  {
    id: "py/open-redirect",
    severity: "warn",
    message: "A request says where it is sent on to",
    suggestion: "Only send on to addresses from a list.",
    cwe: 601,
    rule: { pattern: "redirect($$$)", has: { kind: "argument_list", regex: REQUEST } },
  },
];
