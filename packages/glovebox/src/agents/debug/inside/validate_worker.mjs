// One process that tries candidates one after the other, in fresh copies of the repository's modules. Its parent changes the files, and ends it when it takes too long.
import { createRequire, registerHooks } from "node:module";
import { join, sep } from "node:path";
import * as nodeTest from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(process.cwd(), sep);
const rootUrl = pathToFileURL(root).href;
const shim = pathToFileURL(join(import.meta.dirname, "test_shim.mjs")).href;
const { cache } = createRequire(import.meta.url);
globalThis[Symbol.for("glovebox.node:test")] = nodeTest;

let round = 0;
let loaded = new Set();
let running;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "node:test") return { url: `${shim}?round=${round}`, format: "module", shortCircuit: true };
    const found = next(specifier, context);
    if (!found.url.startsWith(rootUrl) || found.url.includes("/node_modules/")) return found;
    return { ...found, url: `${found.url}${found.url.includes("?") ? "&" : "?"}glovebox=${round}` };
  },
  load(url, context, next) {
    if (url.startsWith(rootUrl)) loaded.add(fileURLToPath(url.split("?")[0]).slice(root.length));
    return next(url, context);
  },
});

/** Runs the tests of ids in modules that nobody has loaded before. */
async function runRound(ids) {
  round += 1;
  loaded = new Set();
  for (const name of Object.keys(cache)) if (name.startsWith(root)) delete cache[name];
  process.chdir(root);
  const tests = await import(`${shim}?round=${round}`);
  running = tests;
  const loading = new Map();
  for (const file of [...new Set(ids.map((id) => id.split("::", 1)[0]))].sort()) {
    tests.begin(file);
    try {
      await import(pathToFileURL(join(root, file)).href);
      loading.set(`${file}::import`, "passed");
    } catch {
      loading.set(`${file}::import`, "failed"); // its tests have no status then
    }
  }
  const found = await tests.run(new Set(ids));
  return { ...found, statuses: { ...found.statuses, ...Object.fromEntries(loading) }, loaded: [...loaded] };
}

process.exit = () => {
  throw new Error("a test asked the process to exit");
};
process.on("uncaughtException", (error) => running?.stray(error));
process.on("unhandledRejection", (error) => running?.stray(error));
// Nothing is left that could happen, and the round has not ended: something is waited for that never comes.
process.on("beforeExit", () => process.reallyExit(3));

process.on("message", async ({ ids }) => {
  process.channel.unref();
  const answer = await runRound(ids);
  process.channel.ref();
  process.send(answer);
});
process.send({ ready: true });
