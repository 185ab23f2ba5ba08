import { execFileSync } from "node:child_process";
import { builtinModules } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Language } from "../../../../core/index.ts";
import { runBuiltin } from "../testing.ts";
import { readImports } from "./imports.ts";
import { isStandard } from "./standard-library.ts";

const namesOf = async (language: Language, code: string) =>
  (await readImports(code, language)).map(({ name }) => name).sort();

describe("imports", () => {
  it.each([
    ["import numpy", ["numpy"]],
    ["import numpy as np, os.path\nfrom scipy.stats import norm", ["numpy", "os", "scipy"]],
    ["from . import own\nfrom .own import x\nfrom .. import y", []],
    [
      "import importlib\nimportlib.import_module('torch.nn')\n__import__(\"requests\")",
      ["importlib", "requests", "torch"],
    ],
    ["name = 'x'\nimport_module(name)\n__import__(f'a{name}')", []],
    ["'import numpy'\n# import pandas\n'''\nimport scipy\n'''", []],
    ["try:\n    import orjson\nexcept ImportError:\n    import json as orjson", ["json"]],
    ["try:\n    import orjson\nexcept (ImportError, OSError):\n    pass", []],
    ["try:\n    import orjson\nexcept ValueError:\n    pass", ["orjson"]],
    ["try:\n    pass\nexcept ImportError:\n    import late", ["late"]],
    [
      "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\nelse:\n    import polars",
      ["polars", "typing"],
    ],
    ["def f():\n    if x:\n        import deep.down", ["deep"]],
    ["from __future__ import annotations", []],
    ["import numpy\nimport (", ["numpy"]],
  ])("Python: %j", async (code, names) => {
    expect(await namesOf("python", code)).toEqual(names);
  });

  it.each([
    ["import x from 'left-pad'", ["left-pad"]],
    ["import { a } from '@scope/name/file.js'; import 'lodash/fp'", ["@scope/name", "lodash"]],
    [
      "import './own.js'; import '../x'; import '/abs'; import '#alias'; import 'node:fs'; import 'https://x.org/y'",
      [],
    ],
    ["import x from 'npm:chalk@5/a'; import y from 'npm:@s/n@1.2'; import z from 'npm:'", ["@s/n", "chalk"]],
    ["const x = require('express'); require.resolve(`debug`); require(name); require(`a${b}`)", ["debug", "express"]],
    ["const m = await import('zod');", ["zod"]],
    ["export * from 'rxjs'; export { y } from 'uuid'; export const z = 1", ["rxjs", "uuid"]],
    ["// require('a')\nconst s = \"import x from 'b'\"; const t = `require('c')`", []],
    ["obj.require('x'); other('y')", []],
  ])("JavaScript: %j", async (code, names) => {
    expect(await namesOf("javascript", code)).toEqual(names);
    expect(await namesOf("typescript", code)).toEqual(names);
  });

  it.each([
    ["import type { A } from 'types-only'; export type { B } from 'also-types'", []],
    ["import fs = require('fs-extra')", ["fs-extra"]],
    ["import a, { type B } from 'kept'", ["kept"]],
  ])("TypeScript: %j", async (code, names) => {
    expect(await namesOf("typescript", code)).toEqual(names);
  });

  it.each([
    ["use serde::Deserialize;", ["serde"]],
    [
      'use std::{fs, io::{self, Read}};\nuse crate::own; use self::x; use super::y;\nfn main() { fs::read("x"); io::stdin(); }',
      [],
    ],
    ["use {rand::Rng, tokio::{net, fs}};", ["rand", "tokio"]],
    ["use anyhow as ah;\nuse rayon::prelude::*;\nextern crate libc;", ["anyhow", "libc", "rayon"]],
    ['fn main() { let x: u8 = rand::random(); println!("{}", u32::MAX); String::new(); }', ["rand"]],
    ["fn f(x: chrono::NaiveDate) {}", ["chrono"]],
    ["mod shapes { pub fn area() {} }\nuse shapes::area;\nfn main() { shapes::area(); }", []],
    ["enum Colour { Red }\nuse Colour::*;\nfn f() { Colour::Red; Self::x(); }", []],
    ["use std::collections::hash_map;\nfn f() { hash_map::DefaultHasher::new(); }", []],
    ['// use a::b;\nfn main() { let s = "use c::d;"; }', []],
    ["use ::regex::Regex;", ["regex"]],
  ])("Rust: %j", async (code, names) => {
    expect(await namesOf("rust", code)).toEqual(names);
  });

  it("are read from any pieces of code without fail, each once", async () => {
    const pieces = [
      "import ",
      "from ",
      "use ",
      "a",
      "::",
      ".",
      "{",
      "}",
      "'b'",
      "require(",
      ")",
      "\n",
      ";",
      "*",
      "try:\n ",
      "except:\n ",
      "😀",
      "`${",
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...pieces), { maxLength: 60 }),
        fc.constantFrom<Language>("python", "javascript", "typescript", "rust", "bash"),
        async (parts, language) => {
          const names = await namesOf(language, parts.join(""));
          expect(new Set(names).size).toBe(names.length);
          expect(names).not.toContain("");
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are bounded in number and depth", async () => {
    const many = Array.from({ length: 5_000 }, (_, at) => `import m${at}`).join("\n");
    expect(await namesOf("python", many)).toHaveLength(200);
    expect(await namesOf("python", `import ${"a".repeat(1_000)}`)).toEqual([]);
    expect(await namesOf("rust", `use ${"a::{".repeat(5_000)}b${"}".repeat(5_000)};`)).toEqual(["a"]);
    expect(await namesOf("rust", `fn f() { ${"a::".repeat(20_000)}b(); }`)).toEqual(["a"]);
  });
});

describe("standard libraries", () => {
  it("are those of the languages themselves", () => {
    const asked = execFileSync("python3", ["-c", "import sys; print(' '.join(sys.stdlib_module_names))"], {
      timeout: 60_000,
    });
    const modules = asked.toString("utf8").trim().split(" ");
    expect(modules.length).toBeGreaterThan(200);
    expect(modules.filter((name) => !isStandard("python", name))).toEqual([]);
    expect(
      builtinModules.filter((name) => !name.startsWith("_") && !isStandard("javascript", name.split("/")[0] ?? "")),
    ).toEqual([]);
    expect(["numpy", "requests"].some((name) => isStandard("python", name))).toBe(false);
  });
});

describe("dependency-notes", () => {
  const CODE = "import os\nimport numpy\nfrom PIL import Image";
  const run = (options: unknown, code = CODE, language: Language = "python") =>
    runBuiltin("pre_execution", "dependency-notes", options, { language, code });

  it("tells which packages may be missing, and where", async () => {
    const result = await run({});
    expect(result.outcome).toBe("allow");
    expect(result.decisions[0]?.notes).toEqual([
      { code: "missing-package", message: "line 2 needs numpy, which the sandbox may not have" },
      { code: "missing-package", message: "line 3 needs PIL (package pillow), which the sandbox may not have" },
    ]);
  });

  it("takes what the image has, by either name", async () => {
    expect((await run({ packages: { python: ["NumPy", "Pillow"] } })).decisions[0]?.notes).toEqual([]);
    expect((await run({ packages: { python: ["numpy", "PIL"] } })).decisions[0]?.notes).toEqual([]);
    expect((await run({ packages: { javascript: ["numpy", "PIL"] } })).decisions[0]?.notes).toHaveLength(2);
    const rust = "use serde_json::json;";
    expect((await run({ packages: { rust: ["serde-json"] } }, rust, "rust")).decisions[0]?.notes).toEqual([]);
    expect((await run({}, rust, "rust")).decisions[0]?.notes).toHaveLength(1);
  });

  it("asks, or blocks, when it is told to", async () => {
    const words = "the code needs packages that the sandbox may not have: numpy, PIL (package pillow)";
    expect(await run({ action: "ask" })).toMatchObject({ outcome: "ask", prompt: words });
    expect(await run({ action: "block" })).toMatchObject({ outcome: "block", reason: words });
    expect((await run({ action: "block" }, "import os")).outcome).toBe("allow");
    expect((await run({ action: "block" }, "import numpy", "bash")).outcome).toBe("allow");
  });

  it("does not vouch for code that is too long to be looked at", async () => {
    expect((await run({ action: "block" }, `#${"a".repeat(1_000_000)}`)).outcome).toBe("block");
    expect((await run({}, `#${"a".repeat(1_000_000)}`)).decisions[0]?.notes[0]?.message).toContain("not looked at");
  });
});
