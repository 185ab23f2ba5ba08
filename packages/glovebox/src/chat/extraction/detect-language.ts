import type { Language } from "../../core/index.ts";

/** What code looks like: a language that Glovebox runs, another one, output of a program, or nothing that could be told. */
export type Detected = Language | "other" | "output" | "unknown";

export interface Detection {
  readonly looksLike: Detected;
  /** How many points it leads by. */
  readonly lead: number;
}

/** A sign of a language, looked for at the beginning of each line (after blanks). Points add up, each sign counts at most three times. */
type Sign = readonly [Exclude<Detected, "unknown">, number, RegExp];

const SIGNS: readonly Sign[] = [
  ["python", 3, /^(def \w+\(.*\).*:|class \w+(\(.*\))?:|async def \w+\()/],
  ["python", 3, /^(from [\w.]+ import |elif .+:$|if __name__ ==)/],
  ["python", 2, /^import [\w.]+( as \w+)?(, ?[\w.]+)*$/],
  ["python", 2, /^(for [\w, ()]+ in .+:|while .+:|if .+:|else:|try:|except.*:|with .+:)(\s*#.*)?( .+)?$/],
  ["python", 2, /^print\(.*\)$/],
  ["python", 1, /^[\w., ]+ = (\[|\{|\(|f?["']|\w+\(|-?\d|[\w.]+$)[^;]*$/],
  ["python", 1, /^(assert|return|raise|yield|lambda|del|pass)\b[^;]*$/],
  ["python", 1, /^#(?!!)\s/],
  ["python", 2, /\b(None|True|False|self\.|range\(|len\()/],
  ["typescript", 3, /^(export )?(interface \w+|type \w+(<.*>)? =|enum \w+ \{|declare )/],
  [
    "typescript",
    3,
    /^(export )?(const|let|var|async function|function) \w+.*[:)]\s*:? ?(string|number|boolean|void|Promise<|Record<|Map<|Array<|unknown|any)\b/,
  ],
  ["typescript", 2, /\b(as const|as unknown|readonly \w+:|: (string|number|boolean)(\[\])?[,;)=\s])/],
  ["javascript", 2, /^(export )?(const|let) [\w{[]/],
  ["javascript", 2, /^(export )?(async )?function\*? ?\w*\(.*\) ?\{?/],
  ["javascript", 3, /\bconsole\.(log|error|table|info)\(/],
  ["javascript", 2, /(=>\s*[{(\w[`"']|===|!==|\brequire\(['"])/],
  ["javascript", 2, /^import .+ from ['"]/],
  ["javascript", 1, /^(var \w+ =|\}\)?;?$|for \((const|let|var) )/],
  ["bash", 3, /^#!.*\b(ba|z|k|da)?sh\b/],
  ["bash", 3, /^(if \[\[?|elif \[\[?|then$|fi\b|done\b|esac$|do$|for \w+ in .+; do|while .+; do|while read)/],
  ["bash", 2, /^(echo|printf|export|set -[eux]|local|readonly|source|alias|unset|trap) ?\S?/],
  [
    "bash",
    2,
    /^(sudo|apt|apt-get|cd|ls|mkdir|rm|cp|mv|cat|grep|sed|awk|find|curl|wget|tar|chmod|chown|git|docker|npm|npx|pip|pip3|python3?|node|cargo|make|kubectl|ssh|df|du|ps|head|tail|sort|wc|touch|date|seq|uname|brew|systemctl|yarn|pnpm|bash|sh|test|sleep|xargs|tr|cut|uniq|tee|diff|kill|whoami|pwd|env|ps|free|stat|nproc) ?(-|\w|\.|\/|~|\$|"|'|$)/,
  ],
  ["bash", 2, /("?\$\{?\w+[}"]?|\$\(|&& \w| \| (grep|sort|awk|sed|wc|head|tail|xargs|tee|uniq|cut|tr|jq)\b)/],
  ["bash", 2, /^\w+=("|\$|'|\w|\/)\S*$/],
  ["rust", 3, /^(pub )?(fn \w+(<.*>)?\(|struct \w+|enum \w+ \{|impl(<.*>)? |trait \w+|mod \w+)/],
  ["rust", 3, /^(let mut |use (std|crate|super)::|println!\(|#\[derive|match .+ \{$)/],
  ["rust", 2, /(\bSome\(|\bOk\(|\.unwrap\(\)|&mut |&str|Vec<|\.iter\(\)|-> (Result|Option|i32|u64|String)|vec!\[)/],
  ["rust", 2, /^let \w+(: [\w<>&]+)? = .+;$/],
  [
    "other",
    4,
    /^(package \w+;?$|func (\(\w+ \*?\w+\) )?\w+\(|public (static |final )*(class|void|interface|int|String|record)|#include\s*[<"]|using namespace |using System|int main\()/,
  ],
  [
    "other",
    4,
    /^(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE (TABLE|INDEX|VIEW|OR)|ALTER TABLE|WITH \w+ AS|FROM \w+( \w+)?$|GROUP BY|ORDER BY|WHERE)\b/i,
  ],
  [
    "other",
    4,
    /^(<!DOCTYPE|<\/?(html|head|body|div|span|p|script|style|ul|li|a|h\d|table|project|dependency|xml)\b|<\?(xml|php))/i,
  ],
  [
    "other",
    4,
    /^(FROM \S+(:\S+)?( AS \w+)?$|RUN \w|COPY \S+ \S+|ENTRYPOINT |WORKDIR |EXPOSE \d|CMD \[|apiVersion:|kind: )/,
  ],
  ["other", 3, /^("[\w-]+"\s*:\s*.+,?|\{$|\}[,;]?$|\[$|\],?$)$/],
  ["other", 3, /^[\w.-]+:( [^={}();]+)?$/],
  ["other", 3, /^- [\w"'.-]+(: .*)?$/],
  ["other", 3, /^\[[\w.:"-]+\]$/],
  ["other", 3, /^([.#]?[\w-]+(, ?[.#]?[\w-]+)* \{|[\w-]+: [^;{]+;)$/],
  [
    "other",
    3,
    /^(end|require ['"][\w/]+['"]|puts |def \w+[?!]?$|module \w+$|<\?php|\$\w+ = .+;|library\(\w+\)|fmt\.Print|System\.out|std::cout|Console\.Write)/,
  ],
  [
    "output",
    4,
    /^(Traceback \(most recent call last\)|File ".+", line \d+|\w+(Error|Exception): |at .+\(.+:\d+:\d+\)|Segmentation fault|npm (ERR!|WARN)|warning:|error(\[E\d+\])?:|panicked at )/,
  ],
  ["output", 3, /^(\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d{1,3}%|={3,} |-{5,}|\+-{3,}|[├└│]|total \d+$|[d-][rwx-]{9} )/],
  ["output", 2, /^-?[\d.,]+%?$/],
  ["output", 2, /^[A-Z][\w ]{1,30}: +[\w$.,%-]+( \w+)?$/],
  [
    "output",
    3,
    /^(PASS|FAIL|OK|ok|✓|✔|✗|passed|failed|Successfully|Collecting|Installing|Downloading|Compiling|Finished|Running|INFO|DEBUG|ERROR|WARN)\b/,
  ],
  ["output", 2, /^[\w ]+(\s{2,}[\w.$%-]+){2,}$/],
];

const LINES_READ = 200;
const LINE_READ = 400;
const TIMES = 3;

/** Guesses a language from signs at the lines' beginnings. TypeScript counts JavaScript's signs as its own. */
export function detectLanguage(code: string): Detection {
  const lines = linesOf(code);
  const points: Record<Exclude<Detected, "unknown">, number> = {
    python: 0,
    javascript: 0,
    typescript: 0,
    bash: 0,
    rust: 0,
    other: 0,
    output: 0,
  };
  for (const [language, worth, pattern] of SIGNS) {
    let times = 0;
    for (const line of lines) {
      if (times < TIMES && pattern.test(line)) times += 1;
    }
    points[language] += worth * times;
  }
  if (points.typescript > 0) points.typescript += points.javascript;
  const ranked = Object.entries(points).sort((a, b) => b[1] - a[1]) as [Exclude<Detected, "unknown">, number][];
  const [first, second] = ranked;
  if (first === undefined || second === undefined || first[1] < 2) return { looksLike: "unknown", lead: 0 };
  // What is TypeScript is nearly JavaScript too: that is no rival.
  const rival = first[0] === "typescript" && second[0] === "javascript" ? ranked[2] : second;
  return { looksLike: first[0], lead: first[1] - (rival?.[1] ?? 0) };
}

function linesOf(code: string): string[] {
  const lines: string[] = [];
  let at = 0;
  while (lines.length < LINES_READ && at < code.length) {
    const newline = code.indexOf("\n", at);
    const end = newline === -1 ? code.length : newline;
    lines.push(code.slice(at, Math.min(end, at + LINE_READ)).trim());
    at = end + 1;
  }
  return lines;
}
