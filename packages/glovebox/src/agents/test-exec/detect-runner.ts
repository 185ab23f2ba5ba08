import type { RepositoryTree } from "../workbench/repository-tree.ts";
import type { Runner } from "./test-report.ts";

export interface DetectedRunner {
  readonly runner: Runner;
  /** As a person would call it. */
  readonly command: readonly string[];
  readonly language: "typescript" | "javascript" | "python" | "rust" | "go";
}

/** Files, besides those with tests, that say how a repository is tested. */
export const MANIFESTS = [
  "package.json",
  "pyproject.toml",
  "pytest.ini",
  ".pytest.ini",
  "setup.cfg",
  "tox.ini",
  "Cargo.toml",
  "go.mod",
] as const;

const NODE_TEST_FILE = /(?:^|\/)(?:test|test-[^/]+|[^/]+[._-]test)\.[cm]?[jt]s$|(?:^|\/)test\/.*\.[cm]?[jt]s$/;
const SPEC_FILE = /\.(?:test|spec)\.[cm]?[jt]sx?$|(?:^|\/)__tests__\/.*\.[cm]?[jt]sx?$/;
const PYTHON_TEST_FILE = /(?:^|\/)(?:test[^/]*|[^/]*_test|tests)\.py$/;
const LEFT_OUT = /(?:^|\/)(?:node_modules|\.venv|venv|site-packages|dist|build)\//;

/** Of a repository's files, those whose text tells more: tests in Python say for whom they are written. At most 20. */
export function tellingTests(tree: Pick<RepositoryTree, "files">): readonly string[] {
  const tests = tree.files.filter(({ path }) => !LEFT_OUT.test(path));
  const python = tests.filter(({ path }) => PYTHON_TEST_FILE.test(path) || path.endsWith("conftest.py"));
  const node = tests.filter(({ path }) => NODE_TEST_FILE.test(path) || SPEC_FILE.test(path));
  return [...python.slice(0, 10), ...node.slice(0, 10)].map(({ path }) => path);
}

/**
 * Finds how a repository is tested; `undefined` when nothing says so. Pure: `texts` has those of {@link MANIFESTS} and {@link tellingTests} that are there. Of several
 * languages the first counts that has tests: JavaScript and TypeScript, Python, Rust, Go.
 */
export function detectRunner(
  tree: Pick<RepositoryTree, "files">,
  texts: Readonly<Record<string, string>>,
): DetectedRunner | undefined {
  const paths = tree.files.map(({ path }) => path).filter((path) => !LEFT_OUT.test(path));
  return (
    detectNode(paths, texts) ??
    detectPython(paths, texts) ??
    (paths.includes("Cargo.toml")
      ? { runner: "cargo", command: ["cargo", "test"], language: "rust" }
      : paths.includes("go.mod") && paths.some((path) => path.endsWith("_test.go"))
        ? { runner: "go", command: ["go", "test", "./..."], language: "go" }
        : undefined)
  );
}

function detectNode(paths: readonly string[], texts: Readonly<Record<string, string>>): DetectedRunner | undefined {
  const tests = paths.filter((path) => NODE_TEST_FILE.test(path) || SPEC_FILE.test(path));
  const isTyped = tests.some((path) => /\.[cm]?tsx?$/.test(path)) || paths.includes("tsconfig.json");
  const language = isTyped ? "typescript" : "javascript";
  const manifest = readPackage(texts["package.json"]);
  const script = manifest.scripts?.test ?? "";
  const has = (name: string) => name in (manifest.dependencies ?? {}) || name in (manifest.devDependencies ?? {});
  const configured = (name: string) =>
    paths.some((path) => path.startsWith(`${name}.config.`) || path.startsWith(`.${name}rc`));
  const isNamed = (name: string) => new RegExp(`(?:^|[\\s/])${name}(?:\\s|$)`).test(script);
  const own = (runner: "vitest" | "jest" | "mocha", ...args: string[]): DetectedRunner => ({
    runner,
    command: ["npx", runner, ...args],
    language,
  });
  if (isNamed("vitest")) return own("vitest", "run");
  if (isNamed("jest")) return own("jest");
  if (isNamed("mocha")) return own("mocha");
  const nodeTest: DetectedRunner = { runner: "node:test", command: ["node", "--test"], language };
  if (/\bnode\b.*\s--test\b/.test(script)) return nodeTest;
  if (tests.some((path) => /["']node:test["']/.test(texts[path] ?? ""))) return nodeTest;
  if (has("vitest") || configured("vitest")) return own("vitest", "run");
  if (has("jest") || configured("jest") || "jest" in manifest) return own("jest");
  if (has("mocha") || configured("mocha")) return own("mocha");
  return paths.some((path) => NODE_TEST_FILE.test(path)) && !hasPythonTests(paths) ? nodeTest : undefined;
}

function hasPythonTests(paths: readonly string[]): boolean {
  return paths.some((path) => PYTHON_TEST_FILE.test(path));
}

function detectPython(paths: readonly string[], texts: Readonly<Record<string, string>>): DetectedRunner | undefined {
  const isPython = hasPythonTests(paths) || paths.some((path) => path.endsWith(".py"));
  if (!isPython) return undefined;
  const pytest: DetectedRunner = { runner: "pytest", command: ["python3", "-m", "pytest"], language: "python" };
  const text = (path: string) => texts[path] ?? "";
  const isConfigured =
    paths.includes("pytest.ini") ||
    paths.includes(".pytest.ini") ||
    paths.some((path) => /(?:^|\/)conftest\.py$/.test(path)) ||
    /^\s*\[tool\.pytest/m.test(text("pyproject.toml")) ||
    /^\s*\[tool:pytest\]/m.test(text("setup.cfg")) ||
    /^\s*\[pytest\]/m.test(text("tox.ini"));
  if (isConfigured) return pytest;
  const tests = paths.filter((path) => PYTHON_TEST_FILE.test(path)).map(text);
  // Functions that begin with test, outside of any class, are pytest's alone.
  if (tests.some((one) => /^\s*(?:import pytest\b|from pytest\b)/m.test(one) || /^(?:async )?def test/m.test(one)))
    return pytest;
  if (tests.length === 0) return undefined;
  return { runner: "unittest", command: ["python3", "-m", "unittest"], language: "python" };
}

interface Package {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly devDependencies?: Readonly<Record<string, unknown>>;
}

/** What of a package.json has the right shape. */
function readPackage(text = "{}"): Package {
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read !== "object" || read === null) return {};
    const record = (value: unknown) =>
      typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
    const all = record(read);
    const scripts = Object.entries(record(all.scripts)).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    );
    return {
      ...("jest" in all && { jest: true }),
      scripts: Object.fromEntries(scripts),
      dependencies: record(all.dependencies),
      devDependencies: record(all.devDependencies),
    };
  } catch {
    return {};
  }
}
