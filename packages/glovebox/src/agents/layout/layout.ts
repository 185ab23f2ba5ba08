import type { CodeLanguage } from "../code/code-file.ts";

/** What tests are written for. */
export type TestStyle = "unittest" | "pytest" | "node:test" | "vitest" | "jest" | "mocha";

/** How a repository writes a language: where its modules lie, how they are named and indented, what its tests look like. */
export interface Layout {
  readonly language: CodeLanguage;
  /** Where new modules go; empty: the root. */
  readonly sourceFolder: string;
  /** Of new modules, with the dot. */
  readonly extension: string;
  readonly fileCase: "snake" | "kebab" | "camel";
  /** Of Python: what imports begin at, `src` or empty. */
  readonly importRoot: string;
  readonly modules: "esm" | "commonjs";
  /** What relative imports end with: `source` is the file's own ending, `js` that of the built file. */
  readonly importSuffix: "source" | "js" | "none";
  readonly indent: string;
  readonly quote: '"' | "'";
  readonly semicolons: boolean;
  /** Columns of Python's lines, where the repository says so. */
  readonly lineLength?: number;
  readonly testStyle: TestStyle;
  /** Undefined: tests lie beside what they test. */
  readonly testFolder: string | undefined;
  /** Around the module's name, without the ending: `test_` or `.test`. */
  readonly testPrefix: string;
  readonly testSuffix: string;
}

/** The folder of a path; empty for the root. */
export function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

export function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** The name of a file without its folder and its last ending. */
export function stemOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(0, dot) : name;
}

export function endingOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).slice(stemOf(path).length);
}

/** A name in words, however it was written: `addTwo`, `add_two` and `add-two` are the same. */
function wordsOf(name: string): readonly string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "")
    .map((word) => word.toLowerCase());
}

/** A name as files or functions are named. */
export function inCase(name: string, to: "snake" | "kebab" | "camel"): string {
  const words = wordsOf(name);
  if (to !== "camel") return words.join(to === "snake" ? "_" : "-");
  return words.map((word, at) => (at === 0 ? word : `${word[0]?.toUpperCase()}${word.slice(1)}`)).join("");
}

/** Where the tests of a module are. */
export function testPathOf(layout: Layout, path: string): string {
  const name = `${layout.testPrefix}${stemOf(path)}${layout.testSuffix}${endingOf(path)}`;
  return join(layout.testFolder ?? folderOf(path), name);
}

/** What another file writes to import a module: `package.module`, `../src/add.ts`. */
export function importPathOf(layout: Layout, from: string, path: string): string {
  if (layout.language === "python") {
    const root = layout.importRoot === "" ? "" : `${layout.importRoot}/`;
    const inside = path.startsWith(root) ? path.slice(root.length) : path;
    const parts = join(folderOf(inside), stemOf(inside)).split("/");
    return (parts.at(-1) === "__init__" ? parts.slice(0, -1) : parts).join(".");
  }
  const [start, target] = [folderOf(from).split("/"), join(folderOf(path), stemOf(path)).split("/")];
  const here = start[0] === "" ? [] : start;
  let shared = 0;
  while (shared < here.length && here[shared] === target[shared] && shared < target.length - 1) shared += 1;
  const up = here.length - shared;
  const relative = [...Array<string>(up).fill(".."), ...target.slice(shared)].join("/");
  return `${up === 0 ? "./" : ""}${relative}${suffixOf(layout, endingOf(path))}`;
}

function suffixOf({ importSuffix }: Layout, ending: string): string {
  if (importSuffix === "none") return "";
  return importSuffix === "js" ? ending.replace(/^\.(m|c)?tsx?$/, ".$1js") : ending;
}
