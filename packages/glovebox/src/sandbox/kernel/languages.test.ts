import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Language } from "../../core/index.ts";
import { detectLanguage, KERNEL_ARGV, kernelArgv, programArgv, programCommands } from "./languages.ts";

describe("languages", () => {
  it("names the kernel of each language but Rust", () => {
    expect(KERNEL_ARGV.python).toEqual(["/usr/bin/python3", "/glovebox/kernels/python/kernel.py"]);
    expect(KERNEL_ARGV.typescript).toEqual(KERNEL_ARGV.javascript);
    expect(KERNEL_ARGV.bash.at(-1)).toBe("/glovebox/kernels/bash/kernel.sh");
    expect(kernelArgv("javascript", { kernels: "/k", node: "/n" })).toEqual([
      "/n",
      expect.any(String),
      expect.any(String),
      "/k/node/kernel.cjs",
    ]);
    expect(kernelArgv("rust")).toBeUndefined();
  });

  it.each([
    ["a.py", undefined, "python"],
    ["src/A.MJS", undefined, "javascript"],
    ["x.cts", undefined, "typescript"],
    ["x.d.ts", undefined, "typescript"],
    ["run.sh", undefined, "bash"],
    ["main.rs", undefined, "rust"],
    ["a.py/run", undefined, undefined],
    [".py", undefined, undefined],
    ["run", "#!/usr/bin/env python3\n", "python"],
    ["run", "#!/usr/bin/env -S node --flag\n", "javascript"],
    ["run", "#! /bin/sh -e\nx", "bash"],
    ["run", "#!/usr/bin/env A=b bash", "bash"],
    ["run", "#!/usr/bin/env", undefined],
    ["run", "#!", undefined],
    ["run", "python", undefined],
    ["run.txt", "#!/usr/bin/perl\n", undefined],
  ])("takes %s beginning with %j for %s", (path, head, language) => {
    expect(detectLanguage(path, head)).toBe(language);
    if (head !== undefined) expect(detectLanguage(path, new TextEncoder().encode(head))).toBe(language);
  });

  it("never takes a path for an option or a name to look up", () => {
    expect(programArgv("python", "-c.py", ["-x"])).toEqual(["/usr/bin/python3", "-u", "./-c.py", "-x"]);
    expect(programArgv("bash", "-x/y.sh")).toEqual(["/bin/bash", "./-x/y.sh"]);
  });

  it("builds Rust with cargo where there is a manifest", () => {
    const { compile, run } = programCommands("rust", "src/main.rs", ["a"], { cargoDir: ".", profile: "release" });
    expect(compile?.argv).toEqual(["cargo", "--quiet", "build", "--manifest-path", "./Cargo.toml", "--release"]);
    expect(run.argv.slice(-2)).toEqual(["--", "a"]);
  });

  it("runs a program of each language with its arguments", { timeout: 60_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), "glovebox-programs-"));
    const programs: readonly (readonly [Language, string, string])[] = [
      ["python", "p.py", "import sys\nprint(sys.argv[1:])"],
      ["javascript", "j.mjs", "console.log(process.argv.slice(2))"],
      [
        "typescript",
        "t.ts",
        "enum E { A = 'a b' }\nconst a: string[] = process.argv.slice(2); console.log(a, E.A === a[0])",
      ],
      ["bash", "b.sh", 'echo "$1"'],
      ["rust", "r.rs", 'fn main() { println!("{:?}", std::env::args().skip(1).collect::<Vec<_>>()); }'],
    ];
    try {
      for (const [language, name, text] of programs) {
        writeFileSync(join(folder, name), text);
        const paths = { kernels: "/k", node: process.execPath };
        const { compile, run } = programCommands(language, name, ["a b"], { paths, output: join(folder, "out") });
        const exec = ([program = "", ...args]: readonly string[]) =>
          execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
        if (compile !== undefined) exec(compile.argv);
        expect(exec(run.argv)).toContain("a b");
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
