import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../core/index.ts";
import { layerEnv } from "./install-steps.ts";
import { PackageLayers } from "./package-layers.ts";
import { checkPins, type Ecosystem, type Packages } from "./pins.ts";
import { findRegistries, oneLineForm } from "./registries.ts";

const NONE: Packages = { apt: [], python: [], node: [], cargo: [] };

describe("pins", () => {
  it.each<[Ecosystem, string]>([
    ["node", "lodash@4.17.21"],
    ["node", "@scope/name.js@1.0.0-rc.1"],
    ["python", "requests==2.32.3"],
    ["python", "uvicorn[standard]==0.30.1.post1"],
    ["python", "torch==2.4.0+cpu"],
    ["apt", "jq=1.6-2.1"],
    ["apt", "libc++-14-dev=1:14.0.6-12"],
  ])("of %s: %s", (ecosystem, pin) => {
    expect(() => checkPins({ ...NONE, [ecosystem]: [pin] })).not.toThrow();
  });

  it.each<[Ecosystem, string]>([
    ["node", "lodash"],
    ["node", "lodash@latest"],
    ["node", "lodash@^4.0.0"],
    ["node", "lodash@npm:other@1.0.0"],
    ["node", "https://example.org/x.tgz"],
    ["node", "../x@1.0.0"],
    ["node", "--registry=http://evil@1.0.0"],
    ["python", "requests"],
    ["python", "requests>=2"],
    ["python", "-r/etc/passwd==1"],
    ["python", "x @ http://example.org/x.whl"],
    ["python", "x==1; import os"],
    ["apt", "jq"],
    ["apt", "-o=1"],
    ["apt", "./x.deb=1"],
  ])("of %s are refused: %s", (ecosystem, pin) => {
    expect(() => checkPins({ ...NONE, [ecosystem]: [pin] })).toThrow(
      expect.objectContaining({ code: "invalid_argument", details: { path: `packages.${ecosystem}[0]` } }),
    );
  });

  it("never begin like an option, nor hold what a shell or an installer reads otherwise", () => {
    const ecosystem = fc.constantFrom<Ecosystem>("node", "python", "apt");
    const text = fc.string({ unit: fc.constantFrom(..."abz09@=:-./\\ \n;$`'\"[]<>~^*+!,#%&|"), maxLength: 24 });
    fc.assert(
      fc.property(ecosystem, text, (name, pin) => {
        try {
          checkPins({ ...NONE, [name]: [pin] });
        } catch {
          return;
        }
        expect(pin).toMatch(/^[@A-Za-z0-9]/);
        expect(pin).not.toMatch(/[\s;$`'"\\<>*|&#%^]|\.\.\/|:\/\//);
      }),
      { numRuns: 5_000 },
    );
  });

  it("of crates are refused with a reason: nothing here could install them", () => {
    expect(() => checkPins({ ...NONE, cargo: ["serde@1.0.219"] })).toThrow(
      expect.objectContaining({ code: "not_supported_by_isolation" }),
    );
  });
});

it("reads Debian's sources in both forms", () => {
  const text = `# a comment
Types: deb
URIs: http://one.test/debian
Suites: stable stable-updates
Components: main contrib
Signed-By: /usr/share/keyrings/one.gpg

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: stable

Types: deb
URIs: http://two.test/debian
Suites: ./
`;
  expect(oneLineForm(text)).toBe(
    [
      "deb [signed-by=/usr/share/keyrings/one.gpg] http://one.test/debian stable main contrib",
      "deb [signed-by=/usr/share/keyrings/one.gpg] http://one.test/debian stable-updates main contrib",
      "deb http://two.test/debian ./ ",
    ].join("\n"),
  );
});

it("lets installers out to the registries that are set, and to nothing else", async () => {
  const packages = { ...NONE, node: ["a@1.0.0"], python: ["a==1"], apt: ["jq=1.6"] };
  const { node, python, apt } = await findRegistries(packages, {
    node: "https://npm.test/",
    python: "http://index.test:8080/simple/",
    pythonFiles: ["files.test"],
    apt: "deb http://one.test/debian stable main\ndeb https://two.test:444/x ./\n",
  });
  expect(node).toEqual({ url: "https://npm.test/", allow: ["npm.test"] });
  expect(python?.allow).toEqual(["index.test:8080", "files.test"]);
  expect(apt?.allow).toEqual(["one.test", "two.test:444"]);
  expect(await findRegistries(NONE, {})).toEqual({});
});

it("puts what a layer holds where programs look", () => {
  expect(layerEnv(NONE).PATH).toMatch(/^\/glovebox\/bin:/);
  const env = layerEnv({ ...NONE, python: ["x==1"], node: ["x@1.0.0"], apt: ["x=1"] });
  expect(env.PYTHONPATH).toBe("/glovebox/packages/python");
  expect(env.PATH?.split(":").filter((part) => part.startsWith("/glovebox/packages/"))).toHaveLength(6);
});

describe("layers", () => {
  const layersIn = (dataDir: string, maxMb = 100) =>
    new PackageLayers({ dataDir, settings: { registries: {}, maxMb }, outside: undefined, logger: silentLogger });

  it("are named by what is in them, whatever its order", () => {
    const layers = layersIn("/nowhere");
    const key = layers.keyOf({ ...NONE, node: ["a@1.0.0", "b@1.0.0"] });
    expect(layers.keyOf({ ...NONE, node: ["b@1.0.0", "a@1.0.0"] })).toBe(key);
    expect(layers.keyOf({ ...NONE, node: ["b@1.0.0", "a@1.0.1"] })).not.toBe(key);
  });

  it("that were cut short or are unused for a month go; those that sandboxes have mounted stay", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "glovebox-layers-"));
    try {
      const folder = join(dataDir, "layers");
      for (const name of ["whole", "old", "mounted", "cut", "cut.build-1"])
        await mkdir(join(folder, name), { recursive: true });
      const longAgo = new Date(Date.now() - 40 * 86_400_000);
      for (const name of ["whole", "old", "mounted"]) await writeFile(join(folder, `${name}.json`), '{"bytes":1}');
      for (const name of ["old", "mounted"]) await utimes(join(folder, `${name}.json`), longAgo, longAgo);
      const removed = await layersIn(dataDir).sweep(new Set(["mounted"]));
      expect([...removed].sort()).toEqual(["cut", "cut.build-1", "old"]);
      expect((await readdir(folder)).sort()).toEqual(["mounted", "mounted.json", "whole", "whole.json"]);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  it("are not built when those that are there fill what they may take", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "glovebox-layers-"));
    try {
      await mkdir(join(dataDir, "layers", "big"), { recursive: true });
      await writeFile(join(dataDir, "layers", "big.json"), JSON.stringify({ bytes: 2 * 1_048_576 }));
      const layers = new PackageLayers({
        dataDir,
        settings: { registries: {}, maxMb: 2 },
        // Refused before anybody goes out.
        outside: {} as never,
        logger: silentLogger,
      });
      const making = layers.folder({ ...NONE, node: ["a@1.0.0"] }, undefined as never);
      await expect(making).rejects.toMatchObject({ code: "resource_exhausted" });
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  it("need a way out to be made", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "glovebox-layers-"));
    try {
      const making = layersIn(dataDir).folder({ ...NONE, node: ["a@1.0.0"] }, undefined as never);
      await expect(making).rejects.toMatchObject({ code: "unavailable" });
      expect(await layersIn(dataDir).folder(NONE, undefined as never)).toBeUndefined();
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
