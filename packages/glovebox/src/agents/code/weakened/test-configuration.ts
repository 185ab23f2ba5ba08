import type { CodeFile } from "../code-file.ts";
import type { Weakening } from "./tests-weakened.ts";

/** Whole files that say which tests run, and how. */
const CONFIGURATION =
  /(^|\/)(conftest\.py|\.?pytest\.(ini|toml)|tox\.(ini|toml)|noxfile\.py|sitecustomize\.py|usercustomize\.py|[^/]*\.pth|\.coveragerc|[^/]*\b(vitest|jest|vite|karma|ava|playwright|cypress)[^/]*\.(config|setup|workspace|preset|conf)[^/]*\.[cm]?[jt]s(on)?|\.(mocharc|c8rc|nycrc|taprc)[^/]*|nextest\.toml)$/;

/** What else decides how tests come out: how code is translated and found, who runs it, and the tools themselves. No repair of code is there. */
const AROUND =
  /(^|\/)([tj]sconfig[^/]*\.json|\.?babel(rc|\.config)[^/]*|\.swcrc|\.npmrc|\.env[^/]*|bunfig\.toml|deno\.jsonc?|Makefile|GNUmakefile|[Jj]ustfile|Taskfile\.ya?ml|\.gitlab-ci\.yml|azure-pipelines\.yml|\.travis\.yml|Jenkinsfile)$|(^|\/)(\.github|\.circleci|\.buildkite|\.cargo|node_modules|\.venv|venv|site-packages)\//;

/** Modules of the repository that would be taken for the tools. */
const SHADOWS =
  /^((src|lib|tests?)\/)?(pytest|_pytest|unittest|nose2?|doctest|hypothesis|pluggy|coverage)(\.py|\/[^/]*\.py)$/;

/** The same of what tests and tools are written with: the standard library's names, where the repository has no such module. */
const STANDARD =
  /^((src|lib|tests?)\/)?(abc|argparse|ast|asyncio|base64|bisect|collections|contextlib|copy|csv|dataclasses|datetime|decimal|difflib|enum|fractions|functools|gc|hashlib|heapq|importlib|inspect|io|itertools|json|linecache|locale|logging|math|numbers|operator|os|pathlib|pickle|platform|pprint|queue|random|re|secrets|signal|site|socket|sqlite3|statistics|string|subprocess|tempfile|textwrap|threading|time|tokenize|tomllib|traceback|types|typing|uuid|warnings|weakref|zoneinfo)(\.py|\/__init__\.py)$/;

/** Of a package.json. */
const OF_TESTS = ["jest", "mocha", "vitest", "ava", "nyc", "c8", "tap"] as const;
const OF_TOOLS = ["imports", "overrides", "resolutions", "pnpm", "type", "workspaces"] as const;
const TOOLS = /^(@?vitest|@?jest|ts-jest|babel-jest|mocha|chai|ava|tap|vite|@types\/(jest|mocha)|expect)\b/;

/** Whether a change reaches what says which tests run. `undefined`: there was, or is, no such file. `isRepair`: of code alone, so that nothing around it may change either. */
export function configurationChanged(
  old: CodeFile | undefined,
  fresh: CodeFile | undefined,
  isRepair = false,
): Weakening[] {
  const path = old?.path ?? fresh?.path ?? "";
  if (isRepair && old === undefined && STANDARD.test(path))
    return [{ path, kind: "configuration", reason: `${path} would be taken for a module of the language` }];
  if (partOf(path, old?.text, isRepair) === partOf(path, fresh?.text, isRepair)) return [];
  return [{ path, kind: "configuration", reason: `${path} changes which tests run, or how` }];
}

/** What of a file is about tests. */
function partOf(path: string, text: string | undefined, isRepair: boolean): string {
  if (text === undefined) return "";
  if (CONFIGURATION.test(path) || SHADOWS.test(path)) return `there\n${text}`;
  if (isRepair && AROUND.test(path)) return `there\n${text}`;
  if (/(^|\/)package\.json$/.test(path)) return ofManifest(text, isRepair);
  if (/(^|\/)(pyproject\.toml|setup\.cfg)$/.test(path)) return sections(text);
  return "";
}

function ofManifest(text: string, isRepair: boolean): string {
  try {
    const manifest = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const entries = (name: string) => Object.entries((manifest[name] ?? {}) as Readonly<Record<string, unknown>>);
    // What a script for tests calls may be any other one.
    const scripts = entries("scripts").filter(([name]) => isRepair || /test/.test(name));
    const fields = [...OF_TESTS, ...(isRepair ? OF_TOOLS : [])].map((name) => manifest[name]);
    const tools = [...entries("dependencies"), ...entries("devDependencies")].filter(([name]) => TOOLS.test(name));
    return JSON.stringify([scripts, fields, isRepair ? tools : []]);
  } catch {
    return text;
  }
}

function sections(text: string): string {
  const kept: string[] = [];
  let isAbout = false;
  for (const line of text.split("\n")) {
    if (/^\s*\[/.test(line)) isAbout = /pytest|unittest|coverage|\btox\b|hatch\.envs/.test(line);
    if (isAbout) kept.push(line.trimEnd());
  }
  return kept.join("\n").trim();
}
