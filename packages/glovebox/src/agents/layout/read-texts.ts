import { isGloveboxError } from "../../core/index.ts";
import type { RepositoryBench } from "../workbench/repository-bench.ts";

/** Files as text, within a step's work: those that are none, are gone or are too long are left out. */
export async function readTexts(
  bench: Pick<RepositoryBench, "readFile">,
  paths: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const texts: (readonly [string, string])[] = [];
  for (const path of paths) {
    const text = await bench.readFile(path).catch((error: unknown) => {
      if (
        ["not_found", "invalid_argument", "payload_too_large"].some((code) =>
          isGloveboxError(error, code as "not_found"),
        )
      )
        return undefined;
      throw error;
    });
    if (text !== undefined) texts.push([path, text]);
  }
  return Object.fromEntries(texts);
}
