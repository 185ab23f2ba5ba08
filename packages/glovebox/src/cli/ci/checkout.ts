import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { UsageError } from "../failure.ts";

/** A workflow file of a checkout. */
export interface WorkflowFile {
  /** From the checkout's root: `.github/workflows/test.yml`. */
  readonly path: string;
  readonly text: string;
}

const FOLDER = ".github/workflows";
const MAX_FILES = 500;

/** The root of the checkout that `folder` is in: the nearest folder above that has `.git` or workflows; else `folder` itself. */
export function checkoutRoot(folder: string): string {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, ".git")) || existsSync(join(at, FOLDER))) return at;
    if (at === dirname(at)) return resolve(folder);
  }
}

/** The workflow files of a checkout in the order of their names, or those that were named. Symbolic links are not followed. */
export function readWorkflowFiles(root: string, named: readonly string[]): readonly WorkflowFile[] {
  const paths = named.length > 0 ? named.map((path) => resolve(path)) : filesIn(join(root, FOLDER));
  return paths.map((path) => ({ path: relative(root, path), text: readText(path) }));
}

function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder))
    throw new UsageError(
      `there is no ${FOLDER} here`,
      "name the workflow files, or change to a checkout that has some",
    );
  const names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name) && lstatSync(join(folder, name)).isFile());
  if (names.length > MAX_FILES) throw new UsageError(`more than ${MAX_FILES} workflow files in ${folder}`);
  return names.sort().map((name) => join(folder, name));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
