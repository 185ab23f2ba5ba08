/** Set-up's entry: `node packages/glovebox/src/sandbox/microvm/prepare.ts` downloads and builds what microVMs are made from, once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultImagesDir, openImages } from "../images/index.ts";
import { defaultNativeDir, repositoryRoot } from "../native/index.ts";
import { MicrovmDriver } from "./driver.ts";
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
  // What is seen of the first machine is kept, so that no server has to look.
  const runDir = mkdtempSync(join(tmpdir(), "glovebox-prepare-"));
  try {
    await using driver = new MicrovmDriver({ runDir: join(runDir, "run"), waiting: 0, images, copies: "files" });
    const probed = await driver.probe();
    if (!probed.available) throw new Error(probed.reason);
  } finally {
    rmSync(runDir, { recursive: true, force: true });
  }
} catch (error) {
  process.stderr.write(`microVMs cannot be prepared: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
