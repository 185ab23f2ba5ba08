import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compileNative, defaultNativeDir, nativeTools, repositoryRoot } from "./index.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-native-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("the native build", () => {
  test("makes a static program, once, and another one when the source changes", async () => {
    const source = join(dir, "tiny.c");
    const out = join(dir, "out");
    writeFileSync(source, "int main(void) { return 42; }\n");
    const [first, again] = await Promise.all([
      compileNative([source], "tiny", out),
      compileNative([source], "tiny", out),
    ]);
    expect(again).toBe(first);
    expect(() => execFileSync(first)).toThrow(expect.objectContaining({ status: 42 }));
    const madeAt = statSync(first).mtimeMs;
    await compileNative([source], "tiny", out);
    expect(statSync(first).mtimeMs).toBe(madeAt);
    writeFileSync(source, "int main(void) { return 43; }\n");
    expect(await compileNative([source], "tiny", out)).not.toBe(first);
    // The old one stays for sandboxes that run it, and nothing half-made is left.
    expect(readdirSync(out)).toHaveLength(2);
  });

  test("compiles a folder with all that is in it, and makes another program when any source or header changes", async () => {
    const [folder, out] = [join(dir, "many"), join(dir, "out")];
    mkdirSync(join(folder, "below"), { recursive: true });
    writeFileSync(join(folder, "main.c"), '#include "below/more.h"\nint main(void) { return more() + shared(); }\n');
    writeFileSync(join(folder, "below/more.h"), "#define MORE 40\nint more(void);\nint shared(void);\n");
    writeFileSync(join(folder, "below/more.c"), '#include "more.h"\nint more(void) { return MORE; }\n');
    writeFileSync(join(folder, "notes.txt"), "no source");
    const shared = join(dir, "shared.c");
    writeFileSync(shared, "int shared(void);\nint shared(void) { return 2; }\n");
    const made = [await compileNative([folder, shared], "many", out)];
    expect(() => execFileSync(made[0] ?? "")).toThrow(expect.objectContaining({ status: 42 }));
    writeFileSync(join(folder, "below/more.h"), "#define MORE 41\nint more(void);\nint shared(void);\n");
    made.push(await compileNative([folder, shared], "many", out));
    writeFileSync(join(folder, "below/more.c"), '#include "more.h"\nint more(void) { return MORE + 1; }\n');
    made.push(await compileNative([folder, shared], "many", out));
    writeFileSync(shared, "int shared(void);\nint shared(void) { return 3; }\n");
    made.push(await compileNative([folder, shared], "many", out));
    writeFileSync(join(folder, "notes.txt"), "nor one now");
    made.push(await compileNative([folder, shared], "many", out));
    expect(() => execFileSync(made[3] ?? "")).toThrow(expect.objectContaining({ status: 45 }));
    expect(new Set(made).size).toBe(4);
    expect(made[4]).toBe(made[3]);
  });

  test("says what is missing without a compiler, and what a compiler says", async () => {
    const source = join(dir, "tiny.c");
    writeFileSync(source, "int main(void) { return undeclared; }\n");
    const failing = compileNative([source], "tiny", dir);
    await expect(failing).rejects.toMatchObject({ code: "isolation_unavailable", message: /undeclared/ });
    const path = process.env.PATH;
    process.env.PATH = join(dir, "empty");
    try {
      const lacking = compileNative([source], "tiny", dir);
      await expect(lacking).rejects.toMatchObject({ code: "isolation_unavailable", message: /No C compiler/ });
    } finally {
      process.env.PATH = path;
    }
    const gone = compileNative([join(dir, "none.c")], "none", dir);
    await expect(gone).rejects.toMatchObject({ code: "isolation_unavailable" });
    expect(readdirSync(dir)).toEqual(["tiny.c"]);
  });

  test("builds the programs into a folder of choice, by a script that set-up can call", () => {
    const script = join(import.meta.dirname, "build.ts");
    const env = { ...process.env, GLOVEBOX_NATIVE_DIR: dir };
    const built = JSON.parse(execFileSync(process.execPath, [script], { env, encoding: "utf8", stdio: "pipe" }));
    for (const path of [built.agent, built.supervisor, built.trees, built.extents]) {
      expect(path.startsWith(dir)).toBe(true);
      expect(statSync(path).mode & 0o777).toBe(0o755);
    }
  });

  test("tries again after a failure", async () => {
    const blocked = join(dir, "file");
    writeFileSync(blocked, "");
    await expect(nativeTools(blocked)).rejects.toThrow();
    rmSync(blocked);
    expect((await nativeTools(blocked)).supervisor).toContain(blocked);
  });

  test("finds the repository and its folder for tools", () => {
    expect(repositoryRoot("/")).toBe(process.cwd());
    const before = process.env.GLOVEBOX_NATIVE_DIR;
    delete process.env.GLOVEBOX_NATIVE_DIR;
    expect(defaultNativeDir()).toBe(join(repositoryRoot(), ".tools", "native"));
    if (before !== undefined) process.env.GLOVEBOX_NATIVE_DIR = before;
  });
});
