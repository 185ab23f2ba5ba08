import { type AstRule, JOINED, SECRET_FORMATS } from "./rule.ts";

const REQUEST = "\\breq(uest)?\\.(params|query|body|headers|cookies|url)\\b|\\bctx\\.(params|query|request)\\b";
const SQL = "^[`\"'(]*\\s*(?i:select\\s.+\\sfrom|insert\\s+into|update\\s.+\\sset|delete\\s+from|drop\\s+table)\\b";
const SECRET_NAME =
  "(?i)^[\"']?[a-z0-9_]*(password|passwd|secret|api_?key|access_?token|auth_?token|private_?key)[\"']?$";
const SECRET_VALUE = "^[\"'`][^\\s$<{]{8,}[\"'`]$";

/** Of JavaScript and TypeScript alike. */
export const JAVASCRIPT_RULES: readonly AstRule[] = [
  {
    id: "js/eval",
    severity: "error",
    message: "Text is run as code",
    suggestion: "Parse the data, or call a function by its name from a table.",
    cwe: 95,
    rule: {
      any: [
        { pattern: "eval($$$)" },
        { pattern: "new Function($$$)" },
        { pattern: "Function($$$)" },
        { pattern: "vm.$RUN($$$)" },
        { pattern: "$TIMER($CODE, $$$)" },
      ],
    },
    constraints: {
      RUN: { regex: "^runIn(New|This)?Context$" },
      TIMER: { regex: "^(setTimeout|setInterval)$" },
      CODE: { any: [{ kind: "string" }, { kind: "template_string" }] },
    },
  },
  {
    id: "js/console",
    severity: "warn",
    message: "Writes to the console",
    suggestion: "Use the program's logger, or take it out.",
    rule: { pattern: "console.$METHOD($$$)" },
    constraints: { METHOD: { regex: "^(log|debug|info|warn|error|trace|dir|table)$" } },
  },
  {
    id: "js/debugger",
    severity: "warn",
    message: "Stops in a debugger",
    suggestion: "Take it out.",
    rule: { kind: "debugger_statement" },
  },
  {
    id: "js/empty-catch",
    severity: "warn",
    message: "An error is swallowed",
    suggestion: "Handle it, or say in a comment why it does not matter.",
    cwe: 390,
    rule: { kind: "catch_clause", has: { kind: "statement_block", regex: "^\\{\\s*\\}$" } },
  },
  {
    id: "js/command-interpolation",
    severity: "error",
    message: "A shell command is put together out of values",
    suggestion: "Use execFile or spawn with a list of arguments.",
    cwe: 78,
    rule: { any: [{ pattern: "$EXEC($COMMAND)" }, { pattern: "$EXEC($COMMAND, $$$)" }] },
    constraints: { EXEC: { regex: "^((child_process|childProcess|cp)\\.)?(exec|execSync)$" }, COMMAND: JOINED },
  },
  {
    id: "js/shell-option",
    severity: "warn",
    message: "A program is started by way of a shell",
    suggestion: "Leave `shell` out and give the arguments as a list.",
    cwe: 78,
    rule: {
      kind: "pair",
      regex: "^[\"']?shell[\"']?\\s*:\\s*true$",
      inside: {
        kind: "object",
        inside: {
          kind: "arguments",
          inside: {
            kind: "call_expression",
            regex: "^((child_process|childProcess|cp)\\.)?(spawn|spawnSync|execFile|execFileSync)\\b",
          },
        },
      },
    },
  },
  {
    id: "js/html-injection",
    severity: "error",
    message: "A value becomes part of the page as HTML",
    suggestion: "Use textContent, or sanitise it first.",
    cwe: 79,
    rule: {
      any: [
        { pattern: "$ELEMENT.innerHTML = $VALUE" },
        { pattern: "$ELEMENT.outerHTML = $VALUE" },
        { pattern: "$ELEMENT.innerHTML += $VALUE" },
        { pattern: "document.write($VALUE)" },
        { pattern: "$ELEMENT.insertAdjacentHTML($WHERE, $VALUE)" },
      ],
    },
    constraints: {
      VALUE: {
        not: {
          any: [{ kind: "string" }, { kind: "template_string", not: { has: { kind: "template_substitution" } } }],
        },
      },
    },
  },
  {
    id: "js/sql-concatenation",
    severity: "error",
    message: "A query is put together out of values",
    suggestion: "Use placeholders and give the values apart.",
    cwe: 89,
    rule: { any: [{ pattern: "$DB.$RUN($QUERY)" }, { pattern: "$DB.$RUN($QUERY, $$$)" }] },
    constraints: {
      RUN: { regex: "^(query|execute|raw|all|get|run|exec|prepare|unsafe|\\$queryRawUnsafe|\\$executeRawUnsafe)$" },
      QUERY: { all: [JOINED, { regex: SQL }] },
    },
  },
  {
    id: "js/weak-hash",
    severity: "warn",
    message: "MD5 and SHA-1 can be forged",
    suggestion: "Use sha256, or scrypt for passwords.",
    cwe: 327,
    rule: {
      any: [
        { pattern: "createHash($NAME)" },
        { pattern: "$CRYPTO.createHash($NAME)" },
        { pattern: "$CRYPTO.createHmac($NAME, $$$)" },
      ],
    },
    constraints: { NAME: { regex: "(?i)^[\"'`](md4|md5|sha-?1)[\"'`]$" } },
  },
  {
    id: "js/weak-cipher",
    severity: "error",
    message: "This cipher is broken, or gives away what repeats",
    suggestion: "Use aes-256-gcm with createCipheriv.",
    cwe: 327,
    rule: { any: [{ pattern: "$CRYPTO.createCipher($$$)" }, { pattern: "$CRYPTO.createCipheriv($NAME, $$$)" }] },
    constraints: { NAME: { regex: "(?i)^[\"'`](des|rc4|bf|.*-ecb)" } },
  },
  {
    id: "js/insecure-random",
    severity: "warn",
    message: "A secret comes from a generator that can be foretold",
    suggestion: "Use crypto.randomUUID or crypto.randomBytes.",
    cwe: 338,
    rule: {
      pattern: "Math.random()",
      inside: {
        stopBy: "end",
        any: [
          {
            kind: "variable_declarator",
            has: { field: "name", regex: "(?i)(token|secret|password|key|nonce|salt|session|otp)" },
          },
          {
            kind: "assignment_expression",
            has: { field: "left", regex: "(?i)(token|secret|password|key|nonce|salt|session|otp)" },
          },
          { kind: "pair", has: { field: "key", regex: "(?i)(token|secret|password|key|nonce|salt|session|otp)" } },
        ],
      },
    },
  },
  {
    id: "js/tls-verification-off",
    severity: "error",
    message: "Certificates are not checked",
    suggestion: "Give the authority's certificate as `ca`.",
    cwe: 295,
    rule: {
      any: [
        { kind: "pair", regex: "^[\"']?rejectUnauthorized[\"']?\\s*:\\s*false$" },
        { pattern: "process.env.NODE_TLS_REJECT_UNAUTHORIZED = $ANY" },
        { pattern: 'process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = $ANY' },
      ],
    },
  },
  {
    id: "js/hard-coded-secret",
    severity: "error",
    message: "A secret stands in the code",
    suggestion: "Read it from the environment or a secret store, and change it.",
    cwe: 798,
    rule: {
      any: [
        { kind: "string", regex: SECRET_FORMATS },
        {
          kind: "variable_declarator",
          all: [
            { has: { field: "name", regex: SECRET_NAME } },
            { has: { field: "value", kind: "string", regex: SECRET_VALUE } },
          ],
        },
        {
          kind: "pair",
          all: [
            { has: { field: "key", regex: SECRET_NAME } },
            { has: { field: "value", kind: "string", regex: SECRET_VALUE } },
          ],
        },
      ],
    },
  },
  {
    id: "js/unsafe-deserialisation",
    severity: "error",
    message: "Data of others can run code when it is read",
    suggestion: "Use JSON.",
    cwe: 502,
    rule: { any: [{ pattern: "$SERIALIZE.unserialize($$$)" }, { pattern: "v8.deserialize($$$)" }] },
  },
  {
    id: "js/path-traversal",
    severity: "error",
    message: "A path comes out of a request",
    suggestion: "Resolve it, and check that it is still within its folder.",
    cwe: 22,
    rule: {
      any: [{ pattern: "path.$JOIN($$$ARGS)" }, { pattern: "$FS.$READ($$$ARGS)" }, { pattern: "$BARE($$$ARGS)" }],
      has: { kind: "arguments", regex: REQUEST },
    },
    constraints: {
      JOIN: { regex: "^(join|resolve)$" },
      READ: {
        regex: "^(readFile|readFileSync|createReadStream|writeFile|writeFileSync|unlink|unlinkSync|sendFile|download)$",
      },
      BARE: { regex: "^(readFile|readFileSync|createReadStream|writeFile|writeFileSync|unlink|unlinkSync)$" },
    },
  },
  {
    id: "js/open-redirect",
    severity: "warn",
    message: "A request says where it is sent on to",
    suggestion: "Only send on to addresses from a list.",
    cwe: 601,
    rule: { pattern: "$RESPONSE.redirect($$$)", has: { kind: "arguments", regex: REQUEST } },
  },
  {
    id: "js/regex-from-request",
    severity: "warn",
    message: "A pattern comes out of a request: it can take forever",
    suggestion: "Escape it, or look for the text itself.",
    cwe: 1333,
    rule: { pattern: "new RegExp($$$)", has: { kind: "arguments", regex: REQUEST } },
  },
  {
    id: "js/cookie-without-protection",
    severity: "warn",
    message: "A cookie can be read by scripts, or goes over plain HTTP",
    suggestion: "Set httpOnly and secure.",
    cwe: 1004,
    rule: { kind: "pair", regex: "^[\"']?httpOnly[\"']?\\s*:\\s*false$" },
  },
];
