import { expect, test } from "vitest";
import { languageOf } from "./language-of.ts";

test.each([
  ["a.py", "", "python"],
  ["dir.js/A.PY", "", "python"],
  ["a.mjs", "", "javascript"],
  ["a.ts", "", "typescript"],
  ["a.sh", "", "bash"],
  ["main.rs", "", "rust"],
  ["tool", "#!/usr/bin/python3.11\n", "python"],
  ["tool", "#!/usr/bin/env -S python3 -u\n", "python"],
  ["tool", "#!/usr/bin/env A=b node\nx", "javascript"],
  ["tool", "#! /bin/sh -e\n", "bash"],
  ["a.py", "#!/bin/sh\n", "python"],
  ["tool", "#!/usr/bin/perl\n", undefined],
  ["tool", "print(1)", undefined],
  [".py", "", undefined],
  ["a.constructor", "", undefined],
])("%s that begins with %j is %s", (path, head, language) => {
  expect(languageOf(path, head)).toBe(language);
});
