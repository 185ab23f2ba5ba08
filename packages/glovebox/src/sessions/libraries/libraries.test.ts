import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NpmLibraryCache } from "./library-cache.ts";
import { libraryCatalogue } from "./library-catalogue.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-libraries-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const USES: Readonly<Record<string, [string, unknown]>> = {
  lodash: ["_.chunk([1, 2, 3], 2).length", 2],
  ramda: ["R.sum([1, 2, 3])", 6],
  dayjs: ["dayjs('2020-01-31').add(1, 'month').format('YYYY-MM-DD')", "2020-02-29"],
  moment: ["moment.utc('2020-01-31').add(1, 'month').format('YYYY-MM-DD')", "2020-02-29"],
  axios: ["typeof axios.get", "function"],
  zustand: ["zustand.createStore(() => ({ n: 1 })).getState().n", 1],
};

test("every library of the catalogue comes from the registry, passes its checksum, and works as its global", async () => {
  const cache = new NpmLibraryCache(folder);
  const names = libraryCatalogue().map(({ name }) => name);
  const sources = await cache.sources(names);
  expect(Object.keys(sources).sort()).toEqual(
    libraryCatalogue()
      .map(({ global }) => global)
      .sort(),
  );
  for (const { name, global } of libraryCatalogue()) {
    const [code, expected] = USES[name] ?? ["", undefined];
    const found: unknown = runInNewContext(`${sources[global]};${code}`, {});
    expect([name, found]).toEqual([name, expected]);
  }
});

test("what is cached is not fetched again; a damaged file is", async () => {
  const [file] = await readdir(folder);
  const before = process.env.PATH;
  process.env.PATH = "/nonexistent";
  try {
    expect(Object.keys(await new NpmLibraryCache(folder).sources(["ramda"]))).toEqual(["R"]);
    for (const name of await readdir(folder)) await writeFile(join(folder, name), "damaged");
    await expect(new NpmLibraryCache(folder).sources(["ramda"])).rejects.toMatchObject({
      code: "unavailable",
      details: { library: "ramda" },
    });
  } finally {
    process.env.PATH = before;
  }
  expect(file).toBeDefined();
  expect(Object.keys(await new NpmLibraryCache(folder).sources(["ramda"]))).toEqual(["R"]);
  await expect(new NpmLibraryCache(folder).sources(["left-pad"])).rejects.toMatchObject({ code: "module_not_allowed" });
});
