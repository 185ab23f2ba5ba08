import type { CodeFile } from "../code-file.ts";
import type { Weakening } from "./tests-weakened.ts";

/** Whole files that say which tests run, and how. */
const CONFIGURATION =
  /(^|\/)(conftest\.py|\.?pytest\.ini|tox\.ini|sitecustomize\.py|usercustomize\.py|(vitest|jest|vite)\.(config|setup|workspace)\.[cm]?[jt]s(on)?|\.mocharc\.\w+)$/;

/** Whether a change reaches what says which tests run. `undefined`: there was, or is, no such file. */
export function configurationChanged(old: CodeFile | undefined, fresh: CodeFile | undefined): Weakening[] {
  const path = old?.path ?? fresh?.path ?? "";
  if (partOf(path, old?.text) === partOf(path, fresh?.text)) return [];
  return [{ path, kind: "configuration", reason: `${path} changes which tests run, or how` }];
}

/** What of a file is about tests. */
function partOf(path: string, text: string | undefined): string {
  if (text === undefined) return "";
  if (CONFIGURATION.test(path)) return `there\n${text}`;
  if (/(^|\/)package\.json$/.test(path)) return aboutTests(text);
  if (/(^|\/)(pyproject\.toml|setup\.cfg)$/.test(path)) return sections(text);
  return "";
}

function aboutTests(text: string): string {
  try {
    const { scripts, jest, mocha } = JSON.parse(text) as {
      scripts?: Record<string, unknown>;
      jest?: unknown;
      mocha?: unknown;
    };
    const scriptsOfTests = Object.entries(scripts ?? {}).filter(([name]) => /test/.test(name));
    return JSON.stringify([scriptsOfTests, jest, mocha]);
  } catch {
    return text;
  }
}

function sections(text: string): string {
  const kept: string[] = [];
  let isAbout = false;
  for (const line of text.split("\n")) {
    if (/^\s*\[/.test(line)) isAbout = /pytest|unittest/.test(line);
    if (isAbout) kept.push(line.trimEnd());
  }
  return kept.join("\n").trim();
}
