// Runs a repository's tests of vitest as its command line does, with a set-up of ours beside the repository's own, which the command line cannot add.
//
//     node vitest_tests.mjs CONFIG        CONFIG: JSON with `files`, `options` of vitest, `lines`: where lines are said
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { files, options, lines } = JSON.parse(process.argv[2]);
const root = process.cwd();
process.env.GLOVEBOX_ROOT = root;
process.env.GLOVEBOX_LINES = lines;
const { startVitest } = await import(
  pathToFileURL(createRequire(join(root, "package.json")).resolve("vitest/node")).href
);
// Lists of the two configurations are joined.
await startVitest("test", files, options, { test: { setupFiles: [join(import.meta.dirname, "vitest_setup.mjs")] } });
// Whatever the repository's configuration still holds open, it has ended.
process.exit();
