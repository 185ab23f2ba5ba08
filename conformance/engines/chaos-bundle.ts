import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const SOURCES = join(import.meta.dirname, "../../packages/glovebox/src");

/**
 * Puts what a killed process runs into two files in `folder`, its program and the store's writer thread, and gives the program's path. From some 400
 * sources a process took 0.5 s to be there, longer than it lives; so it takes 0.2.
 */
export async function bundleChild(folder: string): Promise<string> {
  const bundle = await rolldown({
    input: {
      child: join(import.meta.dirname, "chaos-child.ts"),
      // Where the store looks for it, seen from its own file.
      "worker/main": join(SOURCES, "store/sqlite/worker/main.ts"),
    },
    platform: "node",
    external: ["better-sqlite3"],
    resolve: { conditionNames: ["development", "import", "node"] },
  });
  // Native code stays where it is, and must be found from a folder without `node_modules`.
  const paths = { "better-sqlite3": import.meta.resolve("better-sqlite3", pathToFileURL(SOURCES).href) };
  await bundle.write({ dir: folder, format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name].js", paths });
  await bundle.close();
  return join(folder, "child.js");
}
