import type { Language } from "../../core/index.ts";

/** Every way to name a language that Glovebox runs, in lower case. */
const ALIASES: Readonly<Record<Language, readonly string[]>> = {
  python: ["python", "py", "python3", "py3", "python2", "ipython", "cpython", "sage"],
  javascript: ["javascript", "js", "node", "nodejs", "mjs", "cjs", "ecmascript", "es6", "jsx"],
  typescript: ["typescript", "ts", "mts", "cts", "tsx", "deno"],
  bash: ["bash", "sh", "shell", "zsh", "ksh", "shellscript", "shell-script"],
  rust: ["rust", "rs"],
};

const BY_ALIAS: ReadonlyMap<string, Language> = new Map(
  Object.entries(ALIASES).flatMap(([language, names]) => names.map((name) => [name, language as Language] as const)),
);

/** Tags of transcripts: prompts, commands and what they printed. */
const SHELL_TRANSCRIPTS = new Set([
  "console",
  "shell-session",
  "shellsession",
  "sh-session",
  "bash-session",
  "terminal",
  "cmdline",
]);
const PYTHON_TRANSCRIPTS = new Set(["pycon", "python-repl", "python-console", "doctest", "pyconsole"]);
const DIFFS = new Set(["diff", "patch", "udiff"]);
/** Tags that say no more than "not prose". */
const NEUTRAL = new Set(["code", "snippet", "source", "script", "input", "tool_code", "tool-code", "execute"]);

/** What the words after an opening fence say. */
export interface Tag {
  /** As written, at most 64 units. */
  readonly written: string | null;
  readonly kind: "language" | "other" | "shell-transcript" | "python-transcript" | "diff" | "none";
  readonly language: Language | null;
  /** Words that say that it does not run: `rust,ignore`, `python no-run`. */
  readonly notRun: boolean;
  /** A file's name: `title=x.py`, `python:src/x.py`. */
  readonly file: boolean;
}

const NO_TAG: Tag = { written: null, kind: "none", language: null, notRun: false, file: false };
const NOT_RUN = new Set([
  "ignore",
  "no_run",
  "no-run",
  "norun",
  "compile_fail",
  "should_panic",
  "noexec",
  "noeval",
  "eval=false",
  "example",
  "pseudo",
]);
/** Of an info string, no more is read. */
const MAX_INFO = 512;

/** Reads `python title="x.py"`, `{.python .numbered}`, `{python}`, `rust,ignore`, `python:src/x.py`. */
export function readTag(info: string | undefined): Tag {
  const text = (info ?? "").slice(0, MAX_INFO).trim();
  const words = text.split(/[\s,{}]+/).filter((word) => word !== "");
  const [first = ""] = words;
  if (first === "") return NO_TAG;
  const [name = "", file] = first.replace(/^\.|^(lang|language)[=-]/i, "").split(":", 2);
  const rest = words.slice(1).map((word) => word.toLowerCase());
  const common = {
    written: first.slice(0, 64),
    notRun: rest.some((word) => NOT_RUN.has(word)),
    file:
      (file !== undefined && file !== "") ||
      rest.some((word) => /^(title|file|filename|path)=/.test(word)) ||
      rest.some(isFileName),
  };
  return { ...common, ...kindOf(name.toLowerCase()) };
}

function isFileName(word: string): boolean {
  return /^[\w./-]+\.(py|js|ts|sh|rs|mjs|tsx|jsx)$/.test(word);
}

function kindOf(name: string): Pick<Tag, "kind" | "language"> {
  const language = BY_ALIAS.get(name);
  if (language !== undefined) return { kind: "language", language };
  if (SHELL_TRANSCRIPTS.has(name)) return { kind: "shell-transcript", language: "bash" };
  if (PYTHON_TRANSCRIPTS.has(name)) return { kind: "python-transcript", language: "python" };
  if (DIFFS.has(name)) return { kind: "diff", language: null };
  if (NEUTRAL.has(name)) return { kind: "none", language: null };
  const extension = /\.(\w+)$/.exec(name)?.[1];
  const byExtension = extension === undefined ? undefined : BY_ALIAS.get(extension);
  if (byExtension !== undefined) return { kind: "language", language: byExtension };
  return { kind: "other", language: null };
}
