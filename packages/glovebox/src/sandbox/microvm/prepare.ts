/** Set-up's entry: `node packages/glovebox/src/sandbox/microvm/prepare.ts` downloads and builds what microVMs are made from, once. */
import { join } from "node:path";
import { defaultImagesDir, openImages } from "../images/index.ts";
import { defaultNativeDir, repositoryRoot } from "../native/index.ts";
import { defaultCacheDir } from "./options.ts";
import { prepareHost } from "./prepare-host.ts";

try {
  const root = repositoryRoot();
  const cacheDir = defaultCacheDir();
  const options = {
    nativeDir: defaultNativeDir(),
    cacheDir,
    kernelsDir: join(root, "kernels"),
    nodePath: process.execPath,
  };
  await prepareHost(options, process.getuid?.() === 0);
  const images = openImages({ dir: defaultImagesDir(), definitionsDir: join(root, "images") });
  let stage = "";
  await images.ensure("base", {
    onProgress: (progress) => {
      if (progress.stage === stage) return;
      stage = progress.stage;
      process.stdout.write(`microVM image: ${stage}\n`);
    },
  });
} catch (error) {
  process.stderr.write(`microVMs cannot be prepared: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
