import { expect, test } from "vitest";
import { importPathOf, inCase, testPathOf } from "./layout.ts";
import { isTestFile, layoutOf, mainLanguage, samplesOf } from "./layout-of.ts";

function read(files: Readonly<Record<string, string>>) {
  return layoutOf({ paths: Object.keys(files).toSorted(), texts: files });
}

test("names keep their words in every case", () => {
  for (const name of ["addTwo", "add_two", "add-two", "AddTwo"])
    expect([inCase(name, "snake"), inCase(name, "kebab"), inCase(name, "camel")]).toEqual([
      "add_two",
      "add-two",
      "addTwo",
    ]);
});

test("a Python package below src, tested by pytest", () => {
  const layout = read({
    "pyproject.toml": "[tool.ruff]\nline-length = 120\n[tool.pytest.ini_options]\n",
    "src/shop/__init__.py": "",
    "src/shop/cart.py": "def f():\n  return 'a'\n",
    "src/shop/till.py": "",
    "tests/unit/test_cart.py": "from shop.cart import f\n\n\ndef test_f():\n  assert f() == 'a'\n",
    "setup.py": "x\n",
  });
  expect(layout).toMatchObject({
    sourceFolder: "src/shop",
    importRoot: "src",
    indent: "  ",
    quote: "'",
    lineLength: 120,
    testStyle: "pytest",
    testFolder: "tests/unit",
  });
  expect(testPathOf(layout, "src/shop/sum.py")).toBe("tests/unit/test_sum.py");
  expect(importPathOf(layout, "tests/unit/test_sum.py", "src/shop/sum.py")).toBe("shop.sum");
  expect(importPathOf(layout, "x.py", "src/shop/__init__.py")).toBe("shop");
});

test("TypeScript with its tests beside it, for vitest, with the endings of built files", () => {
  const layout = read({
    "package.json": '{"devDependencies":{"vitest":"1"}}',
    "src/readFile.ts": "import { a } from './a.js'\n\texport const b = 'c'\n",
    "src/a.ts": "export const a = 1\n",
    "src/readFile.spec.ts": "import { test } from 'vitest'\nimport { b } from './readFile.js'\n",
    "node_modules/x/lib/index.ts": "",
  });
  expect(layout).toMatchObject({
    language: "typescript",
    sourceFolder: "src",
    fileCase: "camel",
    modules: "esm",
    importSuffix: "js",
    testStyle: "vitest",
    testSuffix: ".spec",
    semicolons: false,
    quote: "'",
  });
  expect(layout.testFolder).toBeUndefined();
  expect(testPathOf(layout, "src/sumUp.ts")).toBe("src/sumUp.spec.ts");
  expect(importPathOf(layout, "src/sumUp.spec.ts", "src/sumUp.ts")).toBe("./sumUp.js");
});

test("CommonJS with its tests apart, for mocha", () => {
  const layout = read({
    "package.json": '{"scripts":{"test":"mocha"},"devDependencies":{"mocha":"1"}}',
    "lib/do-it.js": "const fs = require('fs');\nmodule.exports = {};\n",
    "test/do-it.js": "const it = require('../lib/do-it');\n",
  });
  expect(layout).toMatchObject({
    language: "javascript",
    sourceFolder: "lib",
    modules: "commonjs",
    fileCase: "kebab",
    testStyle: "mocha",
    testFolder: "test",
    importSuffix: "none",
  });
  expect(importPathOf(layout, "test/x.test.js", "lib/x.js")).toBe("../lib/x");
  expect(importPathOf(layout, "lib/deep/x.js", "lib/y.js")).toBe("../y");
});

test("a repository without code is told by its manifest, or not at all", () => {
  expect(mainLanguage(["package.json", "tsconfig.json"])).toBe("typescript");
  expect(mainLanguage(["package.json"])).toBe("javascript");
  expect(mainLanguage(["pyproject.toml"])).toBe("python");
  expect(() => mainLanguage(["README.md"])).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  // As many of each: the first by name.
  expect(mainLanguage(["a.py", "b.js"])).toBe("javascript");
  expect(read({ "package.json": "{}" })).toMatchObject({ sourceFolder: "", extension: ".js", testStyle: "node:test" });
});

test("tests are known by where and how they are called; samples are few", () => {
  for (const path of ["a.test.ts", "test/a.js", "x/__tests__/a.tsx", "test_a.py", "pkg/a_test.py"])
    expect(isTestFile(path), path).toBe(true);
  for (const path of ["a.ts", "testing.py", "contest.js", "test/a.md"]) expect(isTestFile(path), path).toBe(false);
  const many = Array.from({ length: 100 }, (_, at) => `m${at}.py`);
  expect(samplesOf([...many, "pyproject.toml", "test_a.py"], "python").length).toBeLessThanOrEqual(12);
});
