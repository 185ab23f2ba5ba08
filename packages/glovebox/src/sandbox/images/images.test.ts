import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { tarOf } from "../agent/tar-fixture.ts";
import { repositoryRoot } from "../native/index.ts";
import { defaultImagesDir, type Image, type ImageProgress, type Images, openImages } from "./index.ts";
import { BUILD_TEST_MS, missingTools, testImages, writeLayout } from "./testing.ts";

const missing = missingTools();
let dir: string;
let definitions: string;
let images: Images;
beforeEach((context) => {
  if (missing) context.skip(missing);
  dir = mkdtempSync(join(tmpdir(), "glovebox-images-"));
  definitions = join(dir, "definitions");
  mkdirSync(definitions);
  images = openImages({ dir: join(dir, "images"), definitionsDir: definitions });
});
afterEach(() => {
  if (dir) rmSync(dir, { recursive: true, force: true });
});

const define = (name: string, text: string) => writeFileSync(join(definitions, `${name}.yaml`), text);
const under = (...parts: string[]) => readdirSync(join(dir, "images", ...parts));

describe("the image 'base'", () => {
  let base: Image;
  beforeAll(async () => {
    if (!missing) base = await testImages().ensure("base");
  }, BUILD_TEST_MS);

  test("runs all that it says it has, and nothing in it tells about this host", () => {
    expect(base).toMatchObject({ name: "base", origin: "definition" });
    expect(base.languages).toEqual(["python", "javascript", "typescript", "bash"]);
    expect(base.id).toMatch(/^[0-9a-f]{64}$/);
    const root = join(dir, "root");
    execFileSync("unsquashfs", ["-no-progress", "-quiet", "-d", root, base.rootfs], { stdio: "ignore" });
    const inside = (...argv: string[]) =>
      execFileSync("bwrap", ["--bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--clearenv", ...argv], {
        encoding: "utf8",
      }).trim();
    expect(inside("/usr/bin/python3", "-c", "import json, ssl, sqlite3; print(json.dumps([1]))")).toBe("[1]");
    expect(inside("/usr/bin/python3", "-m", "pip", "--version")).toMatch(/^pip /);
    expect(inside("/glovebox/bin/node", "-p", "process.version")).toBe(process.version);
    expect(inside("/bin/bash", "-c", "git --version; curl --version; ps --version")).toMatch(/git.*\n.*curl/);
    expect(inside("/usr/bin/id", "-un", "1000")).toBe("glovebox");
    // Compiled modules fit their sources: nobody compiles them again at each start.
    const stale = `import sys, importlib.util as u, os, struct
for path in [m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", "") and m.__file__.endswith(".py")]:
    with open(u.cache_from_source(path), "rb") as f: head = f.read(16)
    assert struct.unpack("<I", head[8:12])[0] == int(os.stat(path).st_mtime), path
print("fresh")`;
    expect(inside("/usr/bin/python3", "-c", `import json, asyncio, email, unittest\n${stale}`)).toBe("fresh");
    for (const path of [
      "etc/apt/sources.list",
      "etc/apt/apt.conf.d/99mmdebstrap",
      "var/lib/apt/lists",
      "usr/share/man",
    ]) {
      expect(existsSync(join(root, path))).toBe(false);
    }
    expect(readFileSync(join(root, "etc/hostname"), "utf8")).toBe("glovebox\n");
    expect(readFileSync(join(root, "etc/resolv.conf"), "utf8")).toBe("nameserver 127.0.0.1\n");
    expect(readdirSync(join(root, "dev"))).toEqual([]);
    expect(readlinkSync(join(root, "node_modules"))).toBe("/glovebox/packages/node/node_modules");
    expect(execFileSync("find", [root, "-perm", "/6000"], { encoding: "utf8" })).toBe("");
  }, 120_000);

  test("is found again by whoever asks, without a build", async () => {
    const stages: string[] = [];
    const onProgress = ({ stage }: ImageProgress) => stages.push(stage);
    expect(await testImages().ensure("base", { onProgress })).toEqual(base);
    expect(stages).toEqual([]);
    expect(await testImages().show("base")).toMatchObject({ name: "base", state: "ready", image: base });
  });

  test("is out of date when its definition or the server's Node changes, and broken when there is none any more", async () => {
    cpSync(join(defaultImagesDir(), "names"), join(dir, "images", "names"), { recursive: true });
    const contents = join(dir, "images", "contents");
    mkdirSync(contents);
    execFileSync("cp", ["-al", join(base.rootfs, ".."), contents]);
    cpSync(join(repositoryRoot(), "images"), definitions, { recursive: true });
    const state = async (of = images) => (await of.show("base")).state;
    expect(await state()).toBe("ready");
    const text = readFileSync(join(definitions, "base.yaml"), "utf8");
    define("base", text.replace(/description:.*/, "description: other words for the same"));
    expect(await state()).toBe("ready");
    define("base", text.replace("- curl", "- wget"));
    expect(await state()).toBe("outdated");
    define("base", text);
    const sources = join(dir, "sources");
    writeFileSync(sources, "deb http://debian.invalid/debian stable main\n");
    const common = { dir: join(dir, "images"), definitionsDir: definitions };
    expect(await state(openImages({ ...common, nodePath: "/bin/true" }))).toBe("outdated");
    expect(await state(openImages({ ...common, aptSourcesFile: sources }))).toBe("outdated");
    define("base", "packages: [--evil]");
    expect(await images.show("base")).toMatchObject({ state: "broken", reason: /Debian package/ });
    await expect(images.ensure("base")).rejects.toMatchObject({ code: "invalid_argument" });
    rmSync(join(definitions, "base.yaml"));
    expect(await images.show("base")).toMatchObject({ state: "broken", reason: /is gone/ });
    await expect(images.ensure("base")).rejects.toMatchObject({ code: "not_found" });
    // The content went: the name alone is no image.
    define("base", text);
    rmSync(join(contents, base.id), { recursive: true });
    expect(await state()).toBe("absent");
  });
});

describe("building", () => {
  /** A folder with links to these programs alone. */
  function dirWith(...programs: string[]): string {
    const bin = join(dir, "bin");
    mkdirSync(bin);
    for (const program of programs) symlinkSync(`/usr/bin/${program}`, join(bin, program));
    return bin;
  }

  test(
    "fails with a reason and leaves nothing",
    async () => {
      define("none", "description: nothing but Debian");
      const unreachable = join(dir, "unreachable");
      writeFileSync(unreachable, "deb http://127.0.0.1:9/debian stable main\n");
      const cutOff = openImages({ dir: join(dir, "images"), definitionsDir: definitions, aptSourcesFile: unreachable });
      const lines: string[] = [];
      const onProgress = ({ line }: ImageProgress) => line !== undefined && lines.push(line);
      await expect(cutOff.ensure("none", { onProgress })).rejects.toMatchObject({
        code: "unavailable",
        message: /^mmdebstrap failed/,
        details: { output: expect.stringMatching(/127\.0\.0\.1:9/) },
      });
      expect(lines.join("\n")).toMatch(/apt-get update/);
      const path = process.env.PATH;
      process.env.PATH = dirWith("setpriv", "unshare");
      try {
        await expect(cutOff.ensure("none")).rejects.toMatchObject({
          code: "unavailable",
          message: /mmdebstrap is not installed/,
        });
      } finally {
        process.env.PATH = path;
      }
      const sources = join(dir, "sources");
      writeFileSync(sources, "# nothing\n");
      const without = openImages({ dir: join(dir, "images"), definitionsDir: definitions, aptSourcesFile: sources });
      await expect(without.ensure("none")).rejects.toMatchObject({ code: "unavailable", message: /names no source/ });
      await expect(images.ensure("never-defined")).rejects.toMatchObject({ code: "not_found" });
      await expect(images.build("never-defined")).rejects.toMatchObject({ code: "not_found" });
      await expect(images.ensure("../../etc/passwd")).rejects.toMatchObject({ code: "invalid_argument" });
      expect(under("building")).toEqual([]);
      expect(await images.list()).toEqual([{ name: "none", description: "nothing but Debian", state: "absent" }]);
    },
    BUILD_TEST_MS,
  );

  test(
    "ends with all its processes when it is given up",
    async () => {
      define("plain", "description: nothing but Debian");
      const stop = new AbortController();
      const stages: string[] = [];
      const onProgress = ({ stage }: ImageProgress) => {
        stages.push(stage);
        if (stage === "unpacking packages") stop.abort();
      };
      await expect(images.ensure("plain", { signal: stop.signal, onProgress })).rejects.toMatchObject({
        code: "cancelled",
      });
      expect(stages).toContain("unpacking packages");
      await expect.poll(processesIn, { timeout: 20_000 }).toEqual([]);
      expect(under("building")).toEqual([]);
      expect(under("locks", "plain")).toEqual([]);
    },
    BUILD_TEST_MS,
  );

  // Downloads and builds a whole system.
  if (process.env.GLOVEBOX_TESTS === "all") {
    test(
      "is done once by two processes that ask at once, after a third was killed in the middle of it",
      async () => {
        define("plain", "description: nothing but Debian\nfiles: [{to: /etc/motd, text: hello}]");
        const killed = asker();
        await killed.until("unpacking packages");
        killed.child.kill("SIGKILL");
        await expect.poll(processesIn, { timeout: 20_000 }).toEqual([]);
        expect(under("building")).toHaveLength(1);

        const askers = [asker(), asker()];
        const found = await Promise.all(askers.map(({ image }) => image));
        expect(found[0]).toEqual(found[1]);
        expect(found[0]).toMatchObject({ name: "plain", languages: ["bash"] });
        const waited = askers.map(({ stages }) => stages.has("waiting for another that makes it"));
        expect(waited.filter(Boolean)).toHaveLength(1);
        expect(askers.map(({ stages }) => stages.has("installing essential packages")).sort()).toEqual([false, true]);
        expect(under("building")).toEqual([]);
        expect(under("contents")).toEqual([found[0]?.id]);
      },
      BUILD_TEST_MS,
    );
  }

  interface Asker {
    readonly child: ReturnType<typeof fork>;
    readonly stages: ReadonlySet<string>;
    readonly image: Promise<Image | undefined>;
    until(stage: string): Promise<void>;
  }

  /** Another process that asks for `plain`. */
  function asker(): Asker {
    const child = fork(join(import.meta.dirname, "testdata", "asker.ts"), [join(dir, "images"), definitions, "plain"]);
    const stages = new Set<string>();
    let image: Image | undefined;
    child.on("message", (message: { stage?: string; image?: Image }) => {
      if (message.stage !== undefined) stages.add(message.stage);
      if (message.image) image = message.image;
    });
    const ended = once(child, "exit").then(() => image);
    return {
      child,
      stages,
      image: ended,
      until: (stage) => expect.poll(() => stages, { timeout: 120_000 }).toContain(stage),
    };
  }

  /** Of processes that work in our folder, or below it. */
  function processesIn(): string[] {
    return readdirSync("/proc").filter((pid) => {
      if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
      try {
        return [readlinkSync(`/proc/${pid}/cwd`), readlinkSync(`/proc/${pid}/root`)].some((path) =>
          path.startsWith(dir),
        );
      } catch {
        return false;
      }
    });
  }
});

describe("a full disk", () => {
  test.each([
    ["while files are read", 1],
    ["while they are packed", 3],
  ])("%s is told, and nothing half made is left", async (_, mebibytes) => {
    const small = join(dir, "images");
    mkdirSync(small);
    const content = Array.from({ length: 30_000 }, () => Math.random().toString(36))
      .join("")
      .slice(0, 300_000);
    const members = Array.from({ length: 6 }, (__, n) => ({ name: `f${n}`, content: content.slice(n * 7) + n }));
    writeLayout(join(dir, "layout"), { layers: [tarOf(members)], compression: "none" });
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", small], { stdio: "pipe" });
    } catch (error) {
      return expect(process.getuid?.(), `mounting failed: ${String(error)}`).not.toBe(0);
    }
    try {
      const failing = images.importFrom(join(dir, "layout"), { name: "large" });
      await expect(failing).rejects.toMatchObject({ code: "resource_exhausted" });
      expect(under("building")).toEqual([]);
      expect(await images.list()).toEqual([]);
    } finally {
      execFileSync("umount", [small]);
    }
  });
});
