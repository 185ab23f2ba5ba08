import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AGENT_FOLDER, type RepositoryBench } from "./workbench/repository-bench.ts";

/** The folder in the sandbox for programs of ours. */
export const INSIDE_FOLDER = `${AGENT_FOLDER}/inside`;

/** The sources lie beside what was built from them, also in the published package. */
const SOURCES = new URL("../../src/agents/", import.meta.url);
const texts = new Map<string, Promise<string>>();

/** The text of a program of ours that runs in sandboxes, e.g. `test-exec/inside/python_tests.py`. */
export function insideText(path: string): Promise<string> {
  const known = texts.get(path) ?? readFile(fileURLToPath(new URL(path, SOURCES)), "utf8");
  texts.set(path, known);
  return known;
}

/**
 * Puts programs of ours into {@link INSIDE_FOLDER}, beside each other and by their last names; gives that folder. They are written anew each time: what ran in the sandbox
 * may have changed them.
 */
export async function putInside(bench: RepositoryBench, paths: readonly string[]): Promise<string> {
  const write = async (path: string) => {
    await bench.writeFile(`${INSIDE_FOLDER}/${path.slice(path.lastIndexOf("/") + 1)}`, await insideText(path));
  };
  await Promise.all(paths.map(write));
  return INSIDE_FOLDER;
}
