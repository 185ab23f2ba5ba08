import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { GloveboxError } from "../core/index.ts";
import { CONFIG_KEYS, type ConfigKey } from "./keys.ts";
import { type Config, ConfigSchema } from "./schema.ts";

/** From the weakest to the strongest. */
export type ConfigSource = "default" | "file" | "environment" | "flag";

export interface ConfigValue {
  readonly key: string;
  /** Absent where there is neither a value nor a default. */
  readonly value?: unknown;
  readonly source: ConfigSource;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Every setting with where it comes from, in the schema's order. */
  readonly values: readonly ConfigValue[];
  /** The file that was read, if there was one. */
  readonly file?: string;
}

export interface LoadConfigOptions {
  /** A file that must exist. Without it `GLOVEBOX_CONFIG`, else `glovebox.yaml` in `cwd` when there is one. */
  readonly file?: string | undefined;
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By key (`port`, `http.docs`); `undefined` values are not set. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Default the current folder. */
  readonly cwd?: string;
}

const FILE_NAME = "glovebox.yaml";
const MAX_FILE_BYTES = 1 << 20;
/** Variables of ours that are no settings of the server. */
const NOT_SETTINGS: ReadonlySet<string> = new Set([
  "GLOVEBOX_CONFIG",
  "GLOVEBOX_DEBUG",
  "GLOVEBOX_NATIVE_DIR",
  "GLOVEBOX_SECRETS_KEY", // a value that no report of the configuration may show
  "GLOVEBOX_SYSTEM",
  "GLOVEBOX_TOKEN",
  "GLOVEBOX_URL",
]);
const NOT_SETTING_PREFIXES = ["GLOVEBOX_TEST_", "GLOVEBOX_BENCH_"];

/**
 * The effective configuration: defaults, then the file, then the environment, then flags, each stronger than the one before.
 * `invalid_argument` names the key and where the wrong value or the unknown key stands; `not_found` when a named file is missing.
 */
export function loadConfig(options: LoadConfigOptions = {}): LoadedConfig {
  const env = options.env ?? process.env;
  const found = new Map<string, { value: unknown; source: ConfigSource }>();
  const file = readConfigFile(options, env);
  if (file !== undefined) for (const [key, value] of fileEntries(file)) found.set(key, { value, source: "file" });
  for (const [key, value] of envEntries(env)) found.set(key, { value, source: "environment" });
  for (const [key, value] of flagEntries(options.flags ?? {})) found.set(key, { value, source: "flag" });

  const merged: Record<string, unknown> = {};
  setPath(merged, ["dataDir"], defaultDataDir(env));
  for (const { key, path } of CONFIG_KEYS) {
    const entry = found.get(key);
    if (entry !== undefined) setPath(merged, path, entry.value);
  }
  const result = ConfigSchema.safeParse(merged);
  if (!result.success) {
    const issue = result.error.issues[0];
    const key = issue?.path.filter((part) => typeof part === "string").join(".") ?? "";
    throw refuse(key, found.get(key)?.source ?? "default", issue?.message ?? "invalid", file?.path);
  }
  // zod leaves absent keys out, which its types do not say.
  const config = { ...result.data, dataDir: resolve(options.cwd ?? process.cwd(), result.data.dataDir) } as Config;
  const values = CONFIG_KEYS.map(({ key, path }): ConfigValue => {
    const source = found.get(key)?.source ?? "default";
    const value = getPath(config, path);
    return value === undefined ? { key, source } : { key, value, source };
  });
  return file === undefined ? { config, values } : { config, values, file: file.path };
}

function defaultDataDir(env: Readonly<Record<string, string | undefined>>): string {
  return join(env.XDG_DATA_HOME || join(env.HOME || homedir(), ".local", "share"), "glovebox");
}

interface ConfigFile {
  readonly path: string;
  readonly content: unknown;
}

function readConfigFile(
  options: LoadConfigOptions,
  env: Readonly<Record<string, string | undefined>>,
): ConfigFile | undefined {
  const named = options.file ?? (env.GLOVEBOX_CONFIG || undefined);
  const path = resolve(options.cwd ?? process.cwd(), named ?? FILE_NAME);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (isMissing && named === undefined) return undefined;
    throw new GloveboxError(isMissing ? "not_found" : "invalid_argument", `cannot read the configuration ${path}`, {
      details: { file: path },
      cause: error,
    });
  }
  if (text.length > MAX_FILE_BYTES) throw refuse("", "file", "the file is too large", path);
  try {
    return { path, content: parse(text, { strict: true, uniqueKeys: true }) };
  } catch (error) {
    throw refuse("", "file", `not YAML: ${error instanceof Error ? error.message.split("\n", 1)[0] : ""}`, path);
  }
}

/** The settings that a file names; anything else in it is an error. */
function fileEntries(file: ConfigFile): [string, unknown][] {
  if (file.content === null || file.content === undefined) return [];
  return flatten(file.content, [], file.path);
}

function flatten(value: unknown, path: readonly string[], file: string): [string, unknown][] {
  const key = path.join(".");
  if (CONFIG_KEYS.some((known) => known.key === key)) return [[key, value]];
  const isSection = path.length === 0 || CONFIG_KEYS.some((known) => known.key.startsWith(`${key}.`));
  if (!isSection) throw refuse(key, "file", "unknown key", file);
  if (value === null && path.length > 0) return [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse(key, "file", "must be a mapping of keys to values", file);
  }
  return Object.entries(value).flatMap(([name, item]) => flatten(item, [...path, name], file));
}

function envEntries(env: Readonly<Record<string, string | undefined>>): [string, unknown][] {
  const byName = new Map(CONFIG_KEYS.map((known) => [known.env, known]));
  const entries: [string, unknown][] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("GLOVEBOX_") || text === undefined || NOT_SETTINGS.has(name)) continue;
    if (NOT_SETTING_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    const known = byName.get(name);
    if (known === undefined) throw refuse(name, "environment", "unknown variable");
    entries.push([known.key, fromText(text, known)]);
  }
  return entries;
}

/** Text as the setting's type; what does not fit stays text and is refused by the schema. */
function fromText(text: string, known: ConfigKey): unknown {
  if (known.nullable && text === "null") return null;
  switch (known.type) {
    case "number":
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case "boolean":
      return text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : text;
    case "list":
      return text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
    case "string":
      return text;
  }
}

function flagEntries(flags: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(flags).flatMap(([key, value]): [string, unknown][] => {
    if (value === undefined) return [];
    const known = CONFIG_KEYS.find((candidate) => candidate.key === key);
    if (known === undefined) throw refuse(key, "flag", "unknown key");
    return [[key, typeof value === "string" ? fromText(value, known) : value]];
  });
}

function setPath(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = "", ...rest] = path;
  if (rest.length === 0) {
    target[name] = value;
    return;
  }
  const section = (target[name] ?? {}) as Record<string, unknown>;
  target[name] = section;
  setPath(section, rest, value);
}

function getPath(target: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], target);
}

function refuse(key: string, source: ConfigSource, message: string, file?: string): GloveboxError {
  const where = source === "file" && file !== undefined ? file : source;
  return new GloveboxError("invalid_argument", `configuration: ${key === "" ? "" : `${key}: `}${message} (${where})`, {
    details: { path: key, source, ...(file === undefined ? {} : { file }) },
  });
}
