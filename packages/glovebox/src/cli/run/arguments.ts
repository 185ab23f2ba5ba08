import type { Isolation, Language } from "../../core/index.ts";

/** What `glovebox run` was asked for. */
export interface RunArguments {
  readonly source:
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "code"; readonly code: string }
    | { readonly kind: "stdin" };
  /** The program's own arguments. */
  readonly args: readonly string[];
  readonly isolation?: Isolation;
  readonly language?: Language;
  readonly template?: string;
  readonly timeoutMs?: number;
  readonly json: boolean;
  /** Run in this process although a server answers. */
  readonly local: boolean;
  readonly allowPartial: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
}

export type RunParse =
  | { readonly kind: "run"; readonly run: RunArguments }
  | { readonly kind: "help" }
  | { readonly kind: "error"; readonly message: string; readonly hint?: string };

const ISOLATIONS = [
  "isolate",
  "bubblewrap",
  "gvisor",
  "microvm",
  "firecracker",
] as const satisfies readonly Isolation[];
const LANGUAGES = ["python", "javascript", "typescript", "bash", "rust"] as const satisfies readonly Language[];
const SHORT_NAMES: Readonly<Record<string, Language>> = {
  py: "python",
  python3: "python",
  js: "javascript",
  node: "javascript",
  ts: "typescript",
  sh: "bash",
  rs: "rust",
};
const MAX_TIMEOUT_S = 7 * 86_400;

/** Options that take a value, by every name they go by. */
const VALUED: Readonly<Record<string, string>> = {
  "-e": "eval",
  "--eval": "eval",
  "-i": "isolation",
  "--isolation": "isolation",
  "-l": "lang",
  "--lang": "lang",
  "-t": "template",
  "--template": "template",
  "--timeout": "timeout",
  "--env": "env",
  "--url": "url",
  "--token": "token",
  "--data": "data",
};
const FLAGS: Readonly<Record<string, "json" | "local" | "allowPartial">> = {
  "--json": "json",
  "--local": "local",
  "--allow-partial": "allowPartial",
};

/** A language by its name or by a usual short one. */
export function languageNamed(name: string): Language | undefined {
  return (
    LANGUAGES.find((language) => language === name) ??
    (Object.hasOwn(SHORT_NAMES, name) ? SHORT_NAMES[name] : undefined)
  );
}

interface Raw {
  readonly values: Map<string, string>;
  readonly env: Record<string, string>;
  readonly flags: Set<string>;
}

/**
 * Reads the words after `run`, by hand because loading a parser would cost more than running. Options come first: from FILE
 * (or `-`, or `--`) on, every word is the program's.
 */
export function parseRunArguments(words: readonly string[]): RunParse {
  const raw: Raw = { values: new Map(), env: {}, flags: new Set() };
  let at = 0;
  while (at < words.length) {
    const word = words[at] as string;
    if (word === "-h" || word === "--help") return { kind: "help" };
    if (word === "-" || !word.startsWith("-")) break;
    at += 1;
    if (word === "--") break;
    const flag = Object.hasOwn(FLAGS, word) ? FLAGS[word] : undefined;
    if (flag !== undefined) {
      raw.flags.add(flag);
      continue;
    }
    const { name, attached } = splitOption(word);
    if (name === undefined)
      return error(`unknown option '${word}'`, "`glovebox run --help` lists them; the program's own come after FILE");
    const value = attached ?? words[at];
    if (value === undefined) return error(`option '${word}' needs a value`);
    if (attached === undefined) at += 1;
    const problem = keep(raw, name, value);
    if (problem !== undefined) return error(problem);
  }
  return assemble(raw, words.slice(at));
}

/** `--lang=python`, `-lpython` and `--lang python` mean the same. */
function splitOption(word: string): { readonly name?: string; readonly attached?: string } {
  const whole = Object.hasOwn(VALUED, word) ? VALUED[word] : undefined;
  if (whole !== undefined) return { name: whole };
  const equals = word.indexOf("=");
  if (word.startsWith("--")) {
    const key = equals < 0 ? "" : word.slice(0, equals);
    const name = Object.hasOwn(VALUED, key) ? VALUED[key] : undefined;
    return name === undefined ? {} : { name, attached: word.slice(equals + 1) };
  }
  const short = word.slice(0, 2);
  const name = Object.hasOwn(VALUED, short) ? VALUED[short] : undefined;
  return name === undefined ? {} : { name, attached: word.slice(2) };
}

function keep(raw: Raw, name: string, value: string): string | undefined {
  if (name !== "env") {
    raw.values.set(name, value);
    return undefined;
  }
  const equals = value.indexOf("=");
  const variable = equals < 0 ? value : value.slice(0, equals);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable)) return `--env takes NAME=VALUE or NAME, not '${value}'`;
  raw.env[variable] = equals < 0 ? (process.env[variable] ?? "") : value.slice(equals + 1);
  return undefined;
}

function assemble({ values, env, flags }: Raw, rest: readonly string[]): RunParse {
  const isolation = ISOLATIONS.find((name) => name === values.get("isolation"));
  if (values.has("isolation") && isolation === undefined) {
    return error(`unknown isolation '${values.get("isolation")}'`, `one of ${ISOLATIONS.join(", ")}`);
  }
  const lang = values.get("lang");
  const language = lang === undefined ? undefined : languageNamed(lang);
  if (lang !== undefined && language === undefined)
    return error(`unknown language '${lang}'`, `one of ${LANGUAGES.join(", ")}`);
  const seconds = values.get("timeout");
  const timeoutMs = seconds === undefined ? undefined : timeoutOf(seconds);
  if (timeoutMs === null) return error(`--timeout takes seconds above 0 and up to ${MAX_TIMEOUT_S}, not '${seconds}'`);
  const code = values.get("eval");
  const [first, ...others] = rest;
  if (code === undefined && first === undefined) return error("nothing to run", "give a FILE, -e CODE, or - for stdin");
  const source: RunArguments["source"] =
    code !== undefined
      ? { kind: "code", code }
      : first === "-"
        ? { kind: "stdin" }
        : { kind: "file", path: first as string };
  return {
    kind: "run",
    run: {
      source,
      args: code === undefined ? others : rest,
      json: flags.has("json"),
      local: flags.has("local"),
      allowPartial: flags.has("allowPartial"),
      env,
      ...(isolation !== undefined && { isolation }),
      ...(language !== undefined && { language }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...textOptions(values),
    },
  };
}

function textOptions(
  values: ReadonlyMap<string, string>,
): Partial<Record<"template" | "url" | "token" | "data", string>> {
  const found: Partial<Record<"template" | "url" | "token" | "data", string>> = {};
  for (const name of ["template", "url", "token", "data"] as const) {
    const value = values.get(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** Milliseconds; `null` when it is no such number. */
function timeoutOf(seconds: string): number | null {
  if (!/^(\d+(\.\d*)?|\.\d+)$/.test(seconds)) return null;
  const value = Number(seconds);
  return value > 0 && value <= MAX_TIMEOUT_S ? Math.max(1, Math.round(value * 1000)) : null;
}

function error(message: string, hint?: string): RunParse {
  return hint === undefined ? { kind: "error", message } : { kind: "error", message, hint };
}
