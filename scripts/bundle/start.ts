/**
 * The command `glovebox` of this tree: from the bundle, when it was made of just the sources that are here, else from the sources. Loading two thousand
 * modules one by one takes longer than all that a server does at its start.
 */
import { enableCompileCache, registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleFolder, freshManifest, ROOT } from "./manifest.ts";
import { nameSourcesInStackTraces } from "./stack-traces.ts";

enableCompileCache();
const manifest = freshManifest();
const folder = bundleFolder();
if (manifest !== undefined) {
  const urls = new Map(
    Object.entries(manifest.chunks).map(([url, file]) => [url, pathToFileURL(join(folder, file)).href]),
  );
  // Programs, hooks and flows of users must share our modules instead of loading them once more.
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      const url = urls.get(found.url);
      return url === undefined ? found : { ...found, url, format: "module" };
    },
  });
  nameSourcesInStackTraces(folder);
}
await import(manifest === undefined ? join(ROOT, "packages/glovebox/src/cli/main.ts") : join(folder, manifest.main));
