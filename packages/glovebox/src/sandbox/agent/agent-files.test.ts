import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { link, lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import type { FileChange, FileStat, SandboxFiles } from "../files.ts";
import { type TarMember, tarOf } from "./tar-fixture.ts";
import { type BareAgent, startBareAgent } from "./testing.ts";

let agent: BareAgent;
let files: SandboxFiles;
const at = (path: string) => join(agent.workspace, path);

beforeAll(async () => {
  agent = await startBareAgent();
  files = (await agent.connect()).files;
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const name of await readdir(agent.workspace)) await rm(at(name), { recursive: true });
});

async function bytes(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return isGloveboxError(error) ? error.code : String(error);
  }
  return "no error";
}
async function* pieces(...all: (string | Buffer)[]): AsyncIterable<Uint8Array> {
  for (const piece of all) yield Buffer.from(piece);
}
async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

describe("reading and writing", () => {
  it("gives back what was written, whole and in parts", async () => {
    expect(await files.write("a.txt", Buffer.from("hello world"))).toEqual({ size: 11 });
    expect((await bytes(files.read("a.txt"))).toString()).toBe("hello world");
    expect((await bytes(files.read("a.txt", { offset: 6, limit: 3 }))).toString()).toBe("wor");
    expect((await bytes(files.read("a.txt", { offset: 100 }))).length).toBe(0);
    expect((await bytes(files.read("a.txt", { limit: 0 }))).length).toBe(0);
    expect((await bytes(files.read(at("a.txt"), { within: "workspace" }))).toString()).toBe("hello world");
    expect(await readdir(agent.workspace)).toEqual(["a.txt"]);
  });

  it("appends, makes parents, and keeps or sets modes", async () => {
    await files.write("x/y/z.sh", pieces("one ", "two"), { parents: true, mode: 0o750 });
    expect((await stat(at("x/y/z.sh"))).mode & 0o7777).toBe(0o750);
    await files.write("x/y/z.sh", Buffer.from(" three"), { append: true });
    expect(await readFile(at("x/y/z.sh"), "utf8")).toBe("one two three");
    await files.write("x/y/z.sh", Buffer.from("new"));
    expect((await stat(at("x/y/z.sh"))).mode & 0o7777).toBe(0o750);
    await files.write("w/v/u", Buffer.from("in"), { parents: true, within: "workspace" });
    expect(await readFile(at("w/v/u"), "utf8")).toBe("in");
    expect((await stat(at("w/v/u"))).mode & 0o7777).toBe(0o644);
  });

  it("names each failure by its code", async () => {
    await mkdir(at("dir"));
    execFileSync("mkfifo", [at("fifo")]);
    expect(await codeOf(bytes(files.read("none")))).toBe("not_found");
    expect(await codeOf(bytes(files.read("dir")))).toBe("invalid_argument");
    expect(await codeOf(bytes(files.read("fifo")))).toBe("invalid_argument");
    expect(await codeOf(files.write("dir", Buffer.from("x")))).toBe("invalid_argument");
    expect(await codeOf(files.write("fifo", Buffer.from("x")))).toBe("invalid_argument");
    expect(await codeOf(files.write("no/such/file", Buffer.from("x")))).toBe("not_found");
    expect(await codeOf(files.write("a\0b", Buffer.from("x")))).toBe("invalid_path");
    expect(await codeOf(files.write("/dev/full", Buffer.from("x")))).toBe("invalid_argument");
    expect(await codeOf(files.write("/dev/full", Buffer.from("x"), { append: true }))).toBe("invalid_argument");
    expect(await codeOf(bytes(files.read("x".repeat(300))))).toBe("invalid_path");
    expect(await codeOf(bytes(files.read("dir", { offset: -1 })))).toBe("invalid_argument");
    expect(await codeOf(bytes(files.read("/proc/1/mem")))).not.toBe("no error");
  });

  it("stays within the workspace when told to, whatever dots and links try", async () => {
    await mkdir(at("in"));
    await writeFile(at("in/file"), "inside");
    await symlink("/etc", at("abs"));
    await symlink("../..", at("in/up"));
    await symlink("/etc/passwd", at("passwd"));
    await symlink("in/file", at("good"));
    await symlink("loop", at("loop"));
    const within = "workspace" as const;
    for (const path of [
      "/etc/passwd",
      "../../etc/passwd",
      "in/../../x",
      "abs/passwd",
      "in/up/x",
      "passwd",
      "loop",
      `${agent.workspace}x/y`,
    ]) {
      expect(await codeOf(bytes(files.read(path, { within }))), path).toBe("invalid_path");
    }
    for (const path of ["/etc/glovebox-x", "../x", "abs/x", "in/up/x", "in/.."]) {
      expect(await codeOf(files.write(path, Buffer.from("x"), { within, parents: true })), path).toBe("invalid_path");
    }
    expect(await codeOf(files.stat("abs/passwd", { within }))).toBe("invalid_path");
    expect((await bytes(files.read("good", { within }))).toString()).toBe("inside");
    expect((await bytes(files.read("in/../in/file", { within }))).toString()).toBe("inside");
    // A link as the last name is replaced: what it pointed at stays as it is.
    await files.write("passwd", Buffer.from("mine"), { within });
    expect((await lstat(at("passwd"))).isFile()).toBe(true);
    expect(await codeOf(files.write("abs", Buffer.from("x"), { within, append: true }))).toBe("invalid_path");
  });

  it("leaves the old file alone when the source fails or the writer gives up", async () => {
    await writeFile(at("f"), "old");
    async function* failing(): AsyncIterable<Uint8Array> {
      yield Buffer.from("half");
      throw new Error("the source broke");
    }
    await expect(files.write("f", failing())).rejects.toThrow("the source broke");
    const abort = new AbortController();
    async function* slow(): AsyncIterable<Uint8Array> {
      yield Buffer.from("half");
      abort.abort();
      yield Buffer.alloc(10);
    }
    expect(await codeOf(files.write("f", slow(), { signal: abort.signal }))).toBe("cancelled");
    await expect.poll(() => readdir(agent.workspace)).toEqual(["f"]);
    expect(await readFile(at("f"), "utf8")).toBe("old");
  });

  it("streams a large file both ways in bounded memory", async () => {
    const size = 192 << 20;
    const sent = createHash("sha256");
    async function* source(): AsyncIterable<Uint8Array> {
      for (let at = 0; at < size; at += 1 << 20) {
        const piece = Buffer.alloc(1 << 20, at >> 20);
        sent.update(piece);
        yield piece;
      }
    }
    expect(await files.write("big", source())).toEqual({ size });
    const got = createHash("sha256");
    let most = 0;
    const before = process.memoryUsage().rss;
    for await (const piece of files.read("big")) {
      got.update(piece);
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(got.digest("hex")).toBe(sent.digest("hex"));
    expect(most).toBeLessThan(size);
  });

  it("ends the applet when the reader leaves early", async () => {
    await writeFile(at("big"), Buffer.alloc(8 << 20));
    for await (const piece of files.read("big")) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect((await bytes(files.read("big", { limit: 10 }))).length).toBe(10);
  });
});

describe("folders and names", () => {
  it("lists flat and recursively, with kinds, modes, targets and a limit", async () => {
    await mkdir(at("d/e"), { recursive: true });
    await writeFile(at("d/e/f"), "12345", { mode: 0o600 });
    await symlink("e/f", at("d/s"));
    execFileSync("mkfifo", [at("d/p")]);
    const flat = await all(files.list("d"));
    expect(flat.map((entry) => entry.path).sort()).toEqual(["e", "p", "s"]);
    const deep = new Map((await all(files.list("d", { recursive: true }))).map((entry) => [entry.path, entry]));
    expect([...deep.keys()].sort()).toEqual(["e", "e/f", "p", "s"]);
    expect(deep.get("e/f")).toMatchObject({ kind: "file", size: 5, mode: 0o600 });
    expect(deep.get("s")).toMatchObject({ kind: "symlink", target: "e/f" });
    expect(deep.get("p")?.kind).toBe("other");
    expect((await all(files.list("d", { recursive: true, limit: 2 }))).length).toBe(2);
    expect(await codeOf(all(files.list("d/e/f")))).toBe("invalid_argument");
    expect(await codeOf(all(files.list("none")))).toBe("not_found");
    expect(await files.stat("d/e/f")).toMatchObject({ path: "d/e/f", kind: "file", size: 5 });
    expect(Math.abs((await files.stat("d/e/f")).mtimeMs - Date.now())).toBeLessThan(60_000);
    expect(await codeOf(files.stat("none"))).toBe("not_found");
  });

  it("never leaves the listed tree through a link", async () => {
    await symlink("/etc", at("etc"));
    await symlink(".", at("self"));
    expect((await all(files.list(".", { recursive: true }))).map((entry) => entry.path).sort()).toEqual([
      "etc",
      "self",
    ]);
  });

  it("carries names that are not UTF-8, and control characters, there and back", async () => {
    const raw = Buffer.concat([
      Buffer.from(at("")),
      Buffer.from([0x2f, 0x66, 0xff, 0xe2, 0x82, 0x22, 0x5c, 0x0a, 0x01]),
    ]);
    await writeFile(raw, "odd");
    const [entry] = await all(files.list("."));
    const { path } = entry as FileStat;
    expect(path).toBe('f\udcff\udce2\udc82"\\\n\u0001');
    expect((await bytes(files.read(path))).toString()).toBe("odd");
    await files.rename(path, "ü € 𝄞");
    expect((await all(files.list("."))).map((e) => e.path)).toEqual(["ü € 𝄞"]);
    expect(await codeOf(files.stat("\ud800"))).toBe("invalid_path");
    expect(await codeOf(files.stat(""))).toBe("invalid_path");
  });

  it("makes, renames and removes", async () => {
    await files.mkdir("a");
    expect(await codeOf(files.mkdir("a"))).toBe("already_exists");
    expect(await codeOf(files.mkdir("b/c"))).toBe("not_found");
    await files.mkdir("b/c/d", { parents: true });
    await files.mkdir("b/c/d", { parents: true });
    await files.rename("b/c", "a/moved");
    expect(await readdir(at("a/moved"))).toEqual(["d"]);
    expect(await codeOf(files.rename("none", "x"))).toBe("not_found");
    expect(await codeOf(files.remove("a"))).toBe("invalid_argument");
    await writeFile(at("keep"), "kept");
    await symlink("../keep", at("a/link"));
    await symlink("/etc", at("a/etc"));
    await files.remove("a", { recursive: true });
    expect((await readdir(agent.workspace)).sort()).toEqual(["b", "keep"]);
    expect((await stat("/etc")).isDirectory()).toBe(true);
    await files.remove("keep");
    expect(await codeOf(files.remove("keep"))).toBe("not_found");
  });

  it("tells of changes, also in folders that are made later", async () => {
    await mkdir(at("w"));
    const seen: FileChange[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const change of files.watch("w", { recursive: true, signal: stop.signal })) seen.push(change);
    })();
    let round = 0;
    await expect
      .poll(async () => {
        round += 1;
        await writeFile(at(`w/first${round}`), "x");
        return seen.some((change) => change.change === "created");
      })
      .toBe(true);
    await mkdir(at("w/sub"));
    await expect
      .poll(async () => {
        round += 1;
        await writeFile(at(`w/sub/n${round}`), "x");
        return seen.some((change) => change.path.startsWith("sub/n"));
      })
      .toBe(true);
    execFileSync("mv", [at("w/first1"), at("w/second")]);
    await rm(at("w/second"));
    await expect.poll(() => seen.map((change) => `${change.change} ${change.path}`)).toContain("removed second");
    const said = seen.map((change) => `${change.change} ${change.path}`);
    expect(said).toContain("renamed second");
    expect(said).toContain("removed first1");
    expect(said.some((text) => text.startsWith("modified first"))).toBe(true);
    stop.abort();
    expect(await codeOf(watching)).toBe("cancelled");
    expect(await codeOf(all(files.watch("none")))).toBe("not_found");
  });
});

describe("archives", () => {
  it("packs what tar reads, and unpacks what tar wrote", async () => {
    const long = `${"long-folder-name/".repeat(9)}${"n".repeat(120)}`;
    await mkdir(join(at("src"), long), { recursive: true });
    await writeFile(join(at("src"), long, "file"), "deep");
    await writeFile(at("src/run"), "#!", { mode: 0o755 });
    await writeFile(at("src/empty"), "");
    await symlink("run", at("src/link"));
    await symlink(`${"t/".repeat(80)}x`, at("src/far"));
    execFileSync("mkfifo", [at("src/fifo")]);
    await writeFile(at("p.tar"), await bytes(files.pack("src")));
    await mkdir(at("by-tar"));
    execFileSync("tar", ["xf", at("p.tar"), "-C", at("by-tar")]);
    await rm(at("src/fifo"));
    execFileSync("diff", ["-r", "--no-dereference", at("src"), at("by-tar")]);
    expect((await stat(at("by-tar/run"))).mode & 0o777).toBe(0o755);
    await link(at("src/run"), at("src/zz-hard"));
    for (const format of ["gnu", "pax", "ustar"]) {
      const tar = execFileSync("tar", [
        "-c",
        `--format=${format}`,
        "-C",
        at("src"),
        ...(format === "ustar" ? ["run", "empty", "zz-hard"] : ["."]),
      ]);
      await mkdir(at(`to-${format}`));
      const result = await files.unpack(`to-${format}`, pieces(tar.subarray(0, 700), tar.subarray(700)));
      expect(result.files).toBe(format === "ustar" ? 3 : 6);
    }
    execFileSync("diff", ["-r", "--no-dereference", at("src"), at("to-gnu")]);
    execFileSync("diff", ["-r", "--no-dereference", at("src"), at("to-pax")]);
    expect((await stat(at("to-pax/zz-hard"))).ino).toBe((await stat(at("to-pax/run"))).ino);
    expect((await bytes(files.pack("src/run"))).subarray(0, 3).toString()).toBe("run");
  });

  it("replaces what is in the way, but never writes through a link", async () => {
    await mkdir(at("to"));
    await mkdir(at("elsewhere"));
    await writeFile(at("victim"), "safe");
    await symlink("../victim", at("to/f"));
    await files.unpack("to", pieces(tarOf([{ name: "f", content: "new" }])));
    expect(await readFile(at("victim"), "utf8")).toBe("safe");
    expect(await readFile(at("to/f"), "utf8")).toBe("new");
    await symlink("../elsewhere", at("to/d"));
    for (const member of [
      { name: "d/x", content: "x" },
      { name: "d/", type: "5" },
    ] satisfies TarMember[]) {
      expect(await codeOf(files.unpack("to", pieces(tarOf([member]))))).toBe("invalid_path");
    }
    expect(await readdir(at("elsewhere"))).toEqual([]);
  });

  const hostile: Readonly<Record<string, TarMember[]>> = {
    "a path that climbs": [{ name: "../out", content: "x" }],
    "a path that climbs in the middle": [{ name: "a/../../out", content: "x" }],
    "an absolute path": [{ name: "/tmp/glovebox-out", content: "x" }],
    "an absolute symlink": [{ name: "l", type: "2", link: "/etc" }],
    "a symlink that climbs": [{ name: "a/l", type: "2", link: "../../x" }],
    "a symlink that climbs after going down": [{ name: "l", type: "2", link: "a/.." }],
    "a write through its own symlink": [
      { name: "l", type: "2", link: "a" },
      { name: "l/x", content: "x" },
    ],
    "a hard link that climbs": [{ name: "h", type: "1", link: "../victim" }],
    "a character device": [{ name: "null", type: "3" }],
    "a block device": [{ name: "disk", type: "4" }],
    "a pipe": [{ name: "p", type: "6" }],
    "an old sparse file": [{ name: "s", type: "S" }],
    "a pax path that climbs": [
      { name: "pax", type: "x", content: "15 path=../out\n" },
      { name: "f", content: "x" },
    ],
    "a pax sparse file": [
      { name: "pax", type: "x", content: "22 GNU.sparse.major=1\n" },
      { name: "f", content: "x" },
    ],
  };
  for (const [what, members] of Object.entries(hostile)) {
    it(`refuses ${what}`, async () => {
      await mkdir(at("to/a"), { recursive: true });
      await writeFile(at("victim"), "safe");
      expect(await codeOf(files.unpack("to", pieces(tarOf(members))))).toBe("invalid_path");
      expect((await readdir(agent.workspace)).sort()).toEqual(["to", "victim"]);
    });
  }

  const broken: Readonly<Record<string, () => Buffer>> = {
    "what is no archive": () => Buffer.alloc(2048, "x"),
    "an archive that is cut off": () => tarOf([{ name: "f", content: "x".repeat(2000) }]).subarray(0, 1500),
    "an empty input": () => Buffer.alloc(0),
    "a pax record with a wrong length": () =>
      tarOf([{ name: "pax", type: "x", content: "99 path=x\n" }, { name: "f" }]),
    "a size beyond reason": () => tarOf([{ name: "f", size: Buffer.from("80ffffffffffffffffffffff", "hex") }]),
  };
  for (const [what, make] of Object.entries(broken)) {
    it(`refuses ${what}`, async () => {
      await mkdir(at("to"));
      expect(await codeOf(files.unpack("to", pieces(make())))).toBe("invalid_argument");
    });
  }

  it("drops set-user-id bits", async () => {
    await mkdir(at("to"));
    await files.unpack("to", pieces(tarOf([{ name: "s", content: "x", mode: 0o6755 }])));
    expect((await stat(at("to/s"))).mode & 0o7777).toBe(0o755);
    await files.unpack("to", pieces(tarOf([{ name: "in/l", type: "2", link: "../s" }])));
    expect(await readlink(at("to/in/l"))).toBe("../s");
  });
});
