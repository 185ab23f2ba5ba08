import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.startsWith("testing"))
  .map((name) => [name, readFileSync(join(import.meta.dirname, name), "utf8")] as const);

test.each(sources)("%s imports nothing but its neighbours", (_name, text) => {
  const imports = [...text.matchAll(/^(?:import|export|\}) .*?from "([^"]+)";$/gm)].map((match) => match[1]);
  expect(imports.filter((path) => !path?.startsWith("./") && !path?.startsWith("../"))).toEqual([]);
  // A method may have that name.
  expect(text).not.toMatch(/(?<!async )\bimport\(/);
});

test("it is compiled for the web, with no types of Node", () => {
  const root = resolve(import.meta.dirname, "../../..");
  const tsc = join(root, "node_modules/.bin/tsc");
  execFileSync(tsc, ["--noEmit", "-p", join(root, "packages/sdk/tsconfig.build.json")], { stdio: "pipe" });
});
