import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import { afterAll, expect, test } from "vitest";
import { bundleFolder, freshManifest, MANIFEST, type Manifest, markOf, ROOT } from "../../scripts/bundle/manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "glovebox-bundle-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A tree with one source, and a bundle that says it was made of it. */
function tree(name: string, change: Partial<Manifest> = {}): { root: string; source: string } {
  const root = join(folder, name);
  const source = join(root, "a.ts");
  mkdirSync(bundleFolder(root), { recursive: true });
  writeFileSync(source, "export const one = 1;\n");
  const manifest: Manifest = { root, main: "main.js", chunks: {}, marks: { [source]: markOf(source) }, ...change };
  writeFileSync(join(bundleFolder(root), MANIFEST), JSON.stringify(manifest));
  return { root, source };
}

test("a bundle of just these sources is taken", () => {
  expect(freshManifest(tree("same").root)).toMatchObject({ main: "main.js" });
});

test.for<readonly [string, (path: string) => void]>([
  ["longer", (path) => writeFileSync(path, "export const one = 11;\n")],
  [
    "as long and as old",
    (path) => {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, "export const one = 2;\n");
      utimesSync(path, atime, mtime);
    },
  ],
  ["gone", (path) => rmSync(path)],
  [
    "another file",
    (path) => {
      rmSync(path);
      symlinkSync("/proc/version", path);
    },
  ],
])("a source that is %s makes it stale", ([name, change]) => {
  const { root, source } = tree(`changed ${name}`);
  expect(freshManifest(root)).toBeDefined();
  // File systems tell times no finer than a few milliseconds.
  const marked = markOf(source)[1];
  while (Date.now() <= marked + 20);
  change(source);
  expect(freshManifest(root)).toBeUndefined();
});

test("a bundle that was moved with its tree, is cut short or is not there is not taken", () => {
  expect(freshManifest(tree("moved", { root: "/elsewhere" }).root)).toBeUndefined();
  const { root } = tree("cut");
  writeFileSync(join(bundleFolder(root), MANIFEST), '{"root":');
  expect(freshManifest(root)).toBeUndefined();
  expect(freshManifest(join(folder, "nothing"))).toBeUndefined();
});

test("stack traces name sources and lines, of causes as well", async () => {
  const source = join(folder, "thrower.ts");
  const lines = ["interface Unused {", "  readonly a: string;", "}", "export function fail(cause?: Error): never {"];
  writeFileSync(source, [...lines, '  throw new Error("broken", { cause });', "}", ""].join("\n"));
  const dir = join(folder, "chunks");
  const bundle = await rolldown({ input: { thrower: source }, logLevel: "silent" });
  await bundle.write({ dir, format: "esm", sourcemap: true, sourcemapExcludeSources: true });
  await bundle.close();
  const program = `
    import { nameSourcesInStackTraces } from ${JSON.stringify(pathToFileURL(join(ROOT, "scripts/bundle/stack-traces.ts")))};
    import { fail } from ${JSON.stringify(pathToFileURL(join(dir, "thrower.js")))};
    nameSourcesInStackTraces(${JSON.stringify(dir)});
    try { fail(); } catch (cause) { try { fail(cause); } catch (error) { console.log(error); } }`;
  const told = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  expect(told.split("\n")[0]).toBe("Error: broken");
  expect(told.split(`at fail (${source}:5:`)).toHaveLength(3);
  expect(told).not.toContain("thrower.js");
});
