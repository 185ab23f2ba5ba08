import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { isGloveboxError } from "../../core/index.ts";
import { repositoryRoot } from "../native/index.ts";
import { definedNames, loadDefinition, parseDefinition } from "./load-definition.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-definitions-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const define = (name: string, text: string) => writeFileSync(join(dir, `${name}.yaml`), text);

describe("definitions of images", () => {
  test("those that Glovebox brings are valid, and rust has all that base has", async () => {
    const folder = join(repositoryRoot(), "images");
    expect(await definedNames(folder)).toEqual(["base", "rust"]);
    const base = await loadDefinition(folder, "base");
    const rust = await loadDefinition(folder, "rust");
    expect(base?.languages).toEqual(["python", "javascript", "typescript", "bash"]);
    expect(rust?.packages).toEqual([...(base?.packages ?? []), "rustc"]);
    expect(rust?.files).toEqual(base?.files);
    expect(rust?.languages).toEqual([...(base?.languages ?? []), "rust"]);
  });

  test("lists of what is extended come first, once each; the description is the last one's", async () => {
    define("a", "description: first\npackages: [jq, less]\nremove: [/usr/share/man]\n");
    define("b", "extends: a\npackages: [less, tree]\nlanguages: [bash]\n");
    define("c", "extends: b\ndescription: third\nfiles:\n  - {to: /etc/motd, text: hello}\n");
    expect(await loadDefinition(dir, "c")).toEqual({
      description: "third",
      packages: ["jq", "less", "tree"],
      remove: ["/usr/share/man"],
      files: [{ to: "/etc/motd", text: "hello" }],
      languages: ["bash"],
    });
    expect(await loadDefinition(dir, "none")).toBeUndefined();
    expect(await definedNames(join(dir, "none"))).toEqual([]);
  });

  test("extending in a circle, nobody, or too far is refused", async () => {
    define("a", "extends: b");
    define("b", "extends: a");
    define("lost", "extends: nobody");
    for (let n = 0; n < 9; n += 1) define(`n${n}`, `extends: n${n + 1}`);
    define("n9", "packages: [jq]");
    await expect(loadDefinition(dir, "a")).rejects.toMatchObject({
      code: "invalid_argument",
      message: /once too often/,
    });
    await expect(loadDefinition(dir, "lost")).rejects.toMatchObject({ message: /'nobody', which is not defined/ });
    await expect(loadDefinition(dir, "n0")).rejects.toMatchObject({ message: /once too often/ });
  });

  test.each([
    ["an unknown key", "package: [jq]", /Unrecognized key/],
    ["an option as a package", "packages: ['--allow-unauthenticated']", /packages\.0.*Debian package/],
    ["a file as a package", "packages: ['./evil.deb']", /Debian package/],
    ["a version, which Debian's archive may not have", "packages: ['jq=1.6']", /Debian package/],
    ["an apt pattern", "packages: ['?essential']", /Debian package/],
    ["a path that leads out", "remove: [/usr/../..]", /without '\.' and '\.\.'/],
    ["a relative path", "remove: [usr/share]", /absolute path/],
    ["the whole image", "remove: [/]", /absolute path/],
    ["a file of the host by path", "files: [{to: /etc/shadow, file: ../../etc/shadow}]", /files\.0/],
    ["another program of the host", "files: [{to: /bin/x, program: /bin/sh}]", /files\.0/],
    ["a mode with set-uid", "files: [{to: /bin/x, text: x, mode: '4755'}]", /files\.0/],
    ["a language we do not know", "languages: [cobol]", /languages\.0/],
    ["no mapping", "- jq", /expected object/],
    ["broken YAML", "packages: [", /definition of image 'x'/],
    ["aliases that multiply", bomb(), /definition of image 'x'/],
  ])("%s is refused", (_, text, message) => {
    expect(() => parseDefinition("x", text)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    expect(() => parseDefinition("x", text)).toThrow(message);
  });

  test("a definition of a megabyte is not even read", async () => {
    define("big", `description: "${"x".repeat(1_048_576)}"`);
    await expect(loadDefinition(dir, "big")).rejects.toMatchObject({ message: /larger than/ });
  });

  test("whatever the text, the answer is a definition or a refusal", () => {
    const values = fc.oneof(
      fc.string(),
      fc.anything().map((value) => safeYaml(value)),
    );
    fc.assert(
      fc.property(values, (text) => {
        try {
          const { packages, remove, files } = parseDefinition("x", text);
          expect(packages.every((name) => /^[a-z0-9]/.test(name))).toBe(true);
          expect([...remove, ...files.map(({ to }) => to)].every((path) => !path.split("/").includes(".."))).toBe(true);
        } catch (error) {
          expect(isGloveboxError(error, "invalid_argument")).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function bomb(): string {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
  for (let n = 1; n < 12; n += 1)
    lines.push(
      `a${n}: &a${n} [${Array(9)
        .fill(`*a${n - 1}`)
        .join(", ")}]`,
    );
  return lines.join("\n");
}

function safeYaml(value: unknown): string {
  try {
    return stringify(value);
  } catch {
    return "- not to be written";
  }
}
