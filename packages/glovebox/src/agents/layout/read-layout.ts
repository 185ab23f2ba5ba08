import { type CodeLanguage, MAX_CODE_LENGTH } from "../code/code-file.ts";
import type { RepositoryTree } from "../workbench/repository-tree.ts";
import type { Workbench } from "../workbench/workbench.ts";
import type { Layout } from "./layout.ts";
import { layoutOf, mainLanguage, samplesOf } from "./layout-of.ts";
import { readTexts } from "./read-texts.ts";

/** How the repository writes a language, with its files: two steps, `<name> tree` and `<name> layout`. Errors: `invalid_argument` where nothing tells the language. */
export async function readLayout(
  bench: Workbench,
  name: string,
  wanted?: CodeLanguage | undefined,
): Promise<{ readonly layout: Layout; readonly tree: RepositoryTree }> {
  const tree = await bench.tree(`${name} tree`);
  const paths = tree.files.filter(({ size }) => size <= MAX_CODE_LENGTH).map(({ path }) => path);
  const language = wanted ?? mainLanguage(paths);
  const layout = await bench.work(
    `${name} layout`,
    { samples: samplesOf(paths, language) },
    async ({ samples }, repository) => layoutOf({ paths, texts: await readTexts(repository, samples), language }),
  );
  return { layout, tree };
}
