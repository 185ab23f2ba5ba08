/** Part of set-up: makes the bundle that `start.ts` runs, unless there is one of just these sources. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type OutputAsset, type OutputChunk, type Plugin, rolldown } from "rolldown";
import { bundleFolder, freshManifest, MANIFEST, type Manifest, markOf, ROOT } from "./manifest.ts";

type Output = OutputAsset | OutputChunk;

const FOLDER = bundleFolder();
const PACKAGE = join(ROOT, "packages/glovebox");
const MAIN = join(PACKAGE, "src/cli/main.ts");
/** Loaded only when they are used, or looking for files beside their own. They stay where they are. */
const APART =
  /^(better-sqlite3|quickjs-emscripten|@jitl\/.*|@ast-grep\/wasm|@astral-sh\/.*|@vscode\/tree-sitter-wasm|web-tree-sitter|ai-sdk-ollama|@ai-sdk\/(anthropic|openai-compatible)|@openrouter\/.*|@fastify\/(swagger|swagger-ui|helmet|static)|@clack\/prompts|rolldown)$/;
/** How long chunks that no bundle names any more stay, for servers that still run from them. */
const KEPT_MS = 7 * 86_400_000;
/** File systems tell times no finer than this. */
const TICK_MS = 20;

async function build(): Promise<void> {
  const startedMs = Date.now() - TICK_MS;
  const sources = new Set<string>();
  // Beside the folder, as deep as it: the maps name the sources from there.
  const made = `${FOLDER}.${process.pid}`;
  try {
    const output = await bundleInto(made, sources);
    writeFileSync(join(made, MANIFEST), JSON.stringify(manifestOf(output, sources, startedMs)));
    mkdirSync(FOLDER, { recursive: true });
    const names = [...output.map(({ fileName }) => fileName), MANIFEST];
    for (const name of names) renameSync(join(made, name), join(FOLDER, name));
    removeOld(new Set(names));
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** `sources` gets every module that was read, also those of which nothing is left. */
async function bundleInto(dir: string, sources: Set<string>): Promise<readonly Output[]> {
  const bundle = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries([...entries()].map((file) => [nameOf(file), file])),
    platform: "node",
    external: APART,
    resolve: { conditionNames: ["development", "node"] },
    plugins: [readBy(sources), ownPlaces],
    logLevel: "silent",
  });
  const { output } = await bundle.write({
    dir,
    format: "esm",
    sourcemap: true,
    sourcemapExcludeSources: true,
    entryFileNames: "[name]-[hash].js",
    chunkFileNames: "[name]-[hash].js",
  });
  await bundle.close();
  return output;
}

/** The command, and each module by which users' modules enter our rooms. */
function* entries(): Generator<string> {
  yield MAIN;
  const { exports } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as {
    exports: Record<string, { development: string }>;
  };
  const files = new Set(Object.values(exports).map(({ development }) => join(PACKAGE, development)));
  for (const room of readdirSync(join(PACKAGE, "src"))) {
    const index = join(PACKAGE, "src", room, "index.ts");
    if (existsSync(index)) files.add(index);
  }
  yield* files;
  yield join(ROOT, "packages/sdk/src/index.ts");
  yield fileURLToPath(import.meta.resolve("zod"));
}

function nameOf(file: string): string {
  return file === MAIN ? "main" : `entry-${file.slice(ROOT.length + 1).replaceAll(/[^\w]+/g, "-")}`;
}

function readBy(sources: Set<string>): Plugin {
  return {
    name: "read-by",
    transform(_code, id) {
      sources.add(id);
      return null;
    },
  };
}

/** A module finds its neighbours from where its source is, not from where the bundle is. */
const ownPlaces: Plugin = {
  name: "own-places",
  transform(code, id) {
    if (!/\b(import\.meta\.(url|dirname|filename)|__dirname|__filename)\b/.test(code)) return null;
    const [url, folder, file] = [pathToFileURL(id).href, dirname(id), id].map((one) => JSON.stringify(one));
    const isCommonJs = !/^\s*(import|export)\b/m.test(code);
    const placed = isCommonJs
      ? `var __dirname = ${folder}, __filename = ${file}; ${code}`
      : code.replaceAll(/\bimport\.meta\.(url|dirname|filename)\b/g, (_, what: string) =>
          String(what === "url" ? url : what === "dirname" ? folder : file),
        );
    // No line moves, so there is no map to be told of.
    return { code: placed, map: null };
  },
};

/** Throws when a source has changed since: what was bundled may be what it was before. */
function manifestOf(output: readonly Output[], sources: ReadonlySet<string>, startedMs: number): Manifest {
  const own = [...sources].filter((id) => id.startsWith(`${ROOT}/`) && !id.includes("/node_modules/"));
  // What npm installed is told by the list that npm keeps of it.
  const others = ["package.json", "packages/glovebox/package.json", "packages/sdk/package.json"];
  const files = [...own, ...[...others, "node_modules/.package-lock.json"].map((name) => join(ROOT, name))];
  const marks = Object.fromEntries([...files, import.meta.filename].map((path) => [path, markOf(path)]));
  const changed = files.find((path) => (marks[path]?.[1] ?? 0) >= startedMs);
  if (changed !== undefined) throw new Error(`${changed} changed while it was bundled`);
  const byUrl = output.flatMap((one) =>
    one.type === "chunk" && one.isEntry && one.facadeModuleId !== null
      ? [[pathToFileURL(one.facadeModuleId).href, one.fileName] as const]
      : [],
  );
  const { [pathToFileURL(MAIN).href]: main = "", ...chunks } = Object.fromEntries(byUrl);
  return { root: ROOT, main, chunks, marks };
}

function removeOld(kept: ReadonlySet<string>): void {
  for (const name of readdirSync(FOLDER)) {
    const path = join(FOLDER, name);
    if (!kept.has(name) && Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path);
  }
}

if (freshManifest() === undefined) await build();
