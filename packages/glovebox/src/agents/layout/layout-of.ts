import { GloveboxError } from "../../core/index.ts";
import { type CodeLanguage, languageOf } from "../code/code-file.ts";
import { endingOf, folderOf, inCase, type Layout, stemOf, type TestStyle } from "./layout.ts";
import { styleOf } from "./style-of.ts";

/** Folders whose code is not the repository's own. */
const FOREIGN =
  /(^|\/)(node_modules|vendor|third_party|dist|build|coverage|\.venv|venv|site-packages|__pycache__|testdata|fixtures)\//;
const TEST = {
  python: /(^|\/)(test_[^/]*|[^/]*_test)\.py$/,
  javascript: /(\.(test|spec)\.[cm]?[jt]sx?$)|((^|\/)(tests?|__tests__)\/[^/]*\.[cm]?[jt]sx?$)/,
} as const;
/** What is about the repository, not of it. */
const ASIDE =
  /(^|\/)(setup|conftest|conf|noxfile|manage)\.py$|\.config\.[cm]?[jt]s$|\.d\.[cm]?ts$|(^|\/)(docs?|examples?|scripts?|bench(marks)?)\//;

export const MANIFESTS = [
  "package.json",
  "tsconfig.json",
  "pyproject.toml",
  "setup.cfg",
  "pytest.ini",
  "tox.ini",
] as const;

export function isTestFile(path: string): boolean {
  const language = languageOf(path);
  if (language === undefined) return false;
  return TEST[language === "python" ? "python" : "javascript"].test(path);
}

/** Whether a file is code that the repository's own people write, tests included. */
export function isOwnCode(path: string): boolean {
  return languageOf(path) !== undefined && !FOREIGN.test(path) && !path.endsWith(".d.ts");
}

/** Own code that is neither tests nor configuration, by path. */
export function sourcesOf(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => isOwnCode(path) && !isTestFile(path) && !ASIDE.test(path));
}

export interface LayoutParts {
  /** Of all files, sorted. */
  readonly paths: readonly string[];
  /** Of the manifests, and of {@link samplesOf}. */
  readonly texts: Readonly<Record<string, string>>;
  /** Default: the language of most modules. */
  readonly language?: CodeLanguage | undefined;
}

/** The language that a repository is written in; ties by name. Errors: `invalid_argument` where there is nothing to tell it by. */
export function mainLanguage(paths: readonly string[]): CodeLanguage {
  const counts = countBy(sourcesOf(paths), (path) => languageOf(path));
  const [most] = counts;
  if (most !== undefined) return most;
  if (paths.includes("tsconfig.json")) return "typescript";
  if (paths.includes("package.json")) return "javascript";
  if (paths.some((path) => /^(pyproject\.toml|setup\.(py|cfg)|requirements\.txt)$/.test(path))) return "python";
  throw new GloveboxError("invalid_argument", "the repository has no code yet: say which language to write", {
    details: { path: "language" },
  });
}

/** Which files say how the language is written here: some modules and some tests, the first by path. */
export function samplesOf(paths: readonly string[], language: CodeLanguage): readonly string[] {
  const own = paths.filter((path) => isOwnCode(path) && isKin(path, language));
  const sources = sourcesOf(own).filter((path) => !path.endsWith("__init__.py"));
  return [
    ...MANIFESTS.filter((path) => paths.includes(path)),
    ...sources.slice(0, 6),
    ...own.filter(isTestFile).slice(0, 4),
  ];
}

/** TypeScript lies beside JavaScript, and is tested in it. */
function isKin(path: string, language: CodeLanguage): boolean {
  return (languageOf(path) === "python") === (language === "python");
}

/** How the repository writes a language, out of the names of its files and a few samples. The same files give the same layout. */
export function layoutOf({ paths, texts, language = mainLanguage(paths) }: LayoutParts): Layout {
  const own = paths.filter((path) => isOwnCode(path) && isKin(path, language));
  const sources = sourcesOf(own).filter((path) => languageOf(path) === language);
  const tests = own.filter(isTestFile);
  const sourceFolder = sourceFolderOf(sources, paths, language);
  const near = sources.filter((path) => folderOf(path) === sourceFolder);
  const extension = countBy(near, endingOf)[0] ?? { python: ".py", typescript: ".ts", javascript: ".js" }[language];
  const samples = Object.entries(texts).filter(([path]) => own.includes(path));
  const style = styleOf(
    samples.map(([, text]) => text),
    language,
  );
  const testStyle = testStyleOf(texts, tests, language);
  return {
    language,
    sourceFolder,
    extension,
    fileCase: fileCaseOf(near, language),
    importRoot:
      language === "python" && sourceFolder.split("/")[0] === "src" && !paths.includes("src/__init__.py") ? "src" : "",
    modules: modulesOf(extension, texts, samples),
    importSuffix: importSuffixOf(samples, testStyle, extension),
    ...style,
    ...lineLengthIn(texts),
    testStyle,
    ...testNamesOf(tests, language),
  };
}

/** Keys by how often they come up, most first, ties by name. */
function countBy<K extends string>(paths: readonly string[], keyOf: (path: string) => K | undefined): readonly K[] {
  const counts = new Map<K, number>();
  for (const path of paths) {
    const key = keyOf(path);
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([key]) => key);
}

function sourceFolderOf(sources: readonly string[], paths: readonly string[], language: CodeLanguage): string {
  const [most] = countBy(sources, folderOf);
  if (language === "python") {
    const packages = paths
      .filter((path) => path.endsWith("/__init__.py") && !/(^|\/)tests?\//.test(path))
      .map(folderOf);
    const [fullest] = countBy(
      sources.filter((path) => packages.includes(folderOf(path))),
      folderOf,
    );
    return fullest ?? most ?? "";
  }
  for (const folder of ["src", "lib"]) if (sources.some((path) => folderOf(path) === folder)) return folder;
  return most ?? (paths.some((path) => path.startsWith("src/")) ? "src" : "");
}

function fileCaseOf(near: readonly string[], language: CodeLanguage): Layout["fileCase"] {
  if (language === "python") return "snake";
  const several = near.map(stemOf).filter((stem) => /[-_]|[a-z][A-Z]/.test(stem));
  const [most] = countBy(several, (stem) =>
    (["kebab", "camel", "snake"] as const).find((one) => inCase(stem, one) === stem),
  );
  return most ?? "kebab";
}

function modulesOf(
  extension: string,
  texts: LayoutParts["texts"],
  samples: readonly (readonly [string, string])[],
): Layout["modules"] {
  if (extension.startsWith(".m")) return "esm";
  if (extension.startsWith(".c")) return "commonjs";
  if (extension.startsWith(".ts") || /"type"\s*:\s*"module"/.test(texts["package.json"] ?? "")) return "esm";
  const isCommon = samples.some(([, text]) => /\brequire\(|\bmodule\.exports\b/.test(text));
  const isModern = samples.some(([, text]) => /^(import|export)\b/m.test(text));
  return isCommon || (!isModern && texts["package.json"] !== undefined) ? "commonjs" : "esm";
}

function importSuffixOf(
  samples: readonly (readonly [string, string])[],
  style: TestStyle,
  extension: string,
): Layout["importSuffix"] {
  const endings = samples.flatMap(([, text]) =>
    [...text.slice(0, 65_536).matchAll(/(?:from|import|require\()\s*["']\.{1,2}\/([^"'\n]{1,200})["']/g)].map(
      (found) => {
        const ending = /\.[cm]?[jt]sx?$/.exec(found[1] ?? "")?.[0];
        if (ending === undefined) return "none";
        return ending.includes("j") && extension.includes("t") ? "js" : "source";
      },
    ),
  );
  const [most] = countBy(endings, (ending) => ending as Layout["importSuffix"]);
  return most ?? (style === "vitest" || style === "jest" ? "none" : "source");
}

function lineLengthIn(texts: LayoutParts["texts"]): { readonly lineLength?: number } {
  const found = /^line[-_]length\s*=\s*(\d{2,3})\s*$/m.exec(texts["pyproject.toml"] ?? "");
  const length = Number(found?.[1] ?? 0);
  return length >= 40 && length <= 320 ? { lineLength: length } : {};
}

function testStyleOf(texts: LayoutParts["texts"], tests: readonly string[], language: CodeLanguage): TestStyle {
  const written = tests.map((path) => texts[path] ?? "").join("\n");
  const manifest = texts["package.json"] ?? "";
  if (language === "python") {
    if (/^\s*(import unittest|from unittest)\b/m.test(written)) return "unittest";
    const configured = /\[tool\.pytest|\[(tool:)?pytest\]|\bpytest\b/.test(
      MANIFESTS.map((name) => texts[name] ?? "").join("\n"),
    );
    return /^\s*(import pytest|def test_)/m.test(written) || configured ? "pytest" : "unittest";
  }
  if (/["']node:test["']/.test(written)) return "node:test";
  if (/["']vitest["']/.test(written)) return "vitest";
  if (/["']@jest\/globals["']/.test(written)) return "jest";
  const names = /"(vitest|jest|mocha)"\s*:/.exec(manifest);
  return (names?.[1] as TestStyle | undefined) ?? "node:test";
}

function testNamesOf(
  tests: readonly string[],
  language: CodeLanguage,
): Pick<Layout, "testFolder" | "testPrefix" | "testSuffix"> {
  const [folder] = countBy(tests, folderOf);
  if (language === "python") {
    const isSuffix = tests.length > 0 && tests.every((path) => stemOf(path).endsWith("_test"));
    return { testFolder: folder ?? "tests", testPrefix: isSuffix ? "" : "test_", testSuffix: isSuffix ? "_test" : "" };
  }
  const isApart = folder !== undefined && /(^|\/)(tests?|__tests__)$/.test(folder);
  const [suffix] = countBy(
    tests.map(stemOf),
    (stem) => (/\.(test|spec)$/.exec(stem)?.[0] as ".test" | ".spec" | undefined) ?? ".test",
  );
  return { testFolder: isApart ? folder : undefined, testPrefix: "", testSuffix: suffix ?? ".test" };
}
