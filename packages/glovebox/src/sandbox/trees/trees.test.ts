import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LIST_NAME } from "./capture.ts";
import { captureTree, removeTree, restoreTree } from "./index.ts";

const MAX_BYTES = 1 << 30;
let dir: string;
let count = 0;
let tree: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-trees-"));
});
afterAll(() => removeTree(dir));
beforeEach(() => {
  tree = folder("tree");
});

function folder(name: string): string {
  count += 1;
  const path = join(dir, `${name}-${count}`);
  mkdirSync(path);
  return path;
}

async function capture(more: { base?: string; maxBytes?: number } = {}): Promise<string> {
  const store = folder("store");
  await captureTree({ tree, store, maxBytes: MAX_BYTES, ...more });
  return store;
}

async function restore(store: string): Promise<string> {
  const into = folder("into");
  await restoreTree({ store, into });
  return join(into, "tree");
}

const objectsOf = (store: string) => readdirSync(join(store, "objects"));

describe("contents", () => {
  test("have the hash that BLAKE2b gives by another's hand", async () => {
    for (const size of [1, 127, 128, 129, 4095, 4096, 4097, 300_000]) {
      const data = Buffer.alloc(size, 7);
      writeFileSync(join(tree, `f${size}`), data);
      const u64 = (...values: number[]) => Buffer.from(BigUint64Array.from(values.map(BigInt)).buffer);
      const blake = (...parts: Buffer[]) => createHash("blake2b512").update(Buffer.concat(parts)).digest();
      const hash = blake(blake(data), blake(u64(0, size)), u64(size))
        .subarray(0, 32)
        .toString("hex");
      expect(objectsOf(await capture()), String(size)).toContain(hash);
    }
  });

  test("come back as they were, wherever their zeros and holes lie", async () => {
    const piece = fc.record({ size: fc.integer({ min: 1, max: 20_000 }), byte: fc.constantFrom(0, 0, 1, 255) });
    const content = fc.array(piece, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(content, fc.nat(100_000), async (pieces, more) => {
        const data = Buffer.concat(pieces.map(({ size, byte }) => Buffer.alloc(size, byte)));
        writeFileSync(join(tree, "file"), data);
        truncateSync(join(tree, "file"), data.length + more);
        const back = readFileSync(join(await restore(await capture()), "file"));
        expect(back.equals(Buffer.concat([data, Buffer.alloc(more)]))).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  test("are stored once, however often they are there, and shared with an earlier copy", async () => {
    for (const name of ["a", "b", "c"]) writeFileSync(join(tree, name), "the same");
    const first = await capture();
    expect(objectsOf(first)).toHaveLength(1);
    writeFileSync(join(tree, "d"), "another");
    const second = await capture({ base: first });
    expect(objectsOf(second)).toHaveLength(2);
    const [shared = ""] = objectsOf(first);
    expect(lstatSync(join(second, "objects", shared)).nlink).toBe(2);
    rmSync(first, { recursive: true });
    expect(readFileSync(join(await restore(second), "a"), "utf8")).toBe("the same");
  });
});

describe("a copy is refused, with a code", () => {
  test("above its bounds on bytes and depth", async () => {
    writeFileSync(join(tree, "file"), Buffer.alloc(100_000, 1));
    await expect(capture({ maxBytes: 99_999 })).rejects.toMatchObject({ code: "resource_exhausted" });
    await expect(capture({ maxBytes: 100_000 })).resolves.toBeDefined();
    const dig = 'for (let i = 0; i < 1005; i++) { fs.mkdirSync("d"); process.chdir("d"); }';
    execFileSync(process.execPath, ["-e", dig], { cwd: tree });
    await expect(capture()).rejects.toMatchObject({ code: "resource_exhausted", message: /1000 levels/ });
    execFileSync("rm", ["-rf", join(tree, "d")]);
  });

  test("when its folder is a link", async () => {
    const link = join(dir, "link");
    symlinkSync(tree, link);
    const store = folder("store");
    await expect(captureTree({ tree: link, store, maxBytes: 1 })).rejects.toThrow(/ENOTDIR|ELOOP/);
  });

  test("when no space is left, which is told from other failures", async ({ skip }) => {
    const small = folder("small");
    const mounted = spawnSync("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]).status === 0;
    skip(!mounted, "nothing can be mounted here");
    try {
      for (let i = 0; i < 40; i += 1) writeFileSync(join(tree, `f${i}`), Buffer.alloc(65_536, i + 1));
      const full = captureTree({ tree, store: small, maxBytes: MAX_BYTES });
      await expect(full).rejects.toMatchObject({ code: "resource_exhausted", message: /No space/ });
      const store = await capture();
      mkdirSync(join(small, "into"));
      rmSync(join(small, "objects"), { recursive: true });
      const restoring = restoreTree({ store, into: join(small, "into") });
      await expect(restoring).rejects.toMatchObject({ code: "resource_exhausted" });
    } finally {
      execFileSync("/bin/umount", [small]);
    }
  });

  test("when it is cancelled", async () => {
    const signal = AbortSignal.abort();
    const store = folder("store");
    await expect(captureTree({ tree, store, maxBytes: 1, signal })).rejects.toThrow();
    expect(existsSync(join(store, "objects"))).toBe(false);
  });
});

describe("what is kept and damaged is refused", () => {
  async function damaged(damage: (store: string) => void): Promise<void> {
    writeFileSync(join(tree, "file"), "what was there");
    rmSync(join(tree, "again"), { force: true });
    linkSync(join(tree, "file"), join(tree, "again"));
    const store = await capture();
    damage(store);
    await expect(restore(store)).rejects.toMatchObject({ code: "snapshot_corrupt" });
  }

  test("a changed byte, a missing content, a shortened one", async () => {
    await damaged((store) => writeFileSync(join(store, "objects", objectsOf(store)[0] ?? ""), "what was here"));
    await damaged((store) => rmSync(join(store, "objects", objectsOf(store)[0] ?? "")));
    await damaged((store) => truncateSync(join(store, "objects", objectsOf(store)[0] ?? ""), 3));
    await damaged((store) => writeFileSync(join(store, LIST_NAME), ""));
  });

  test("a list that names what lies outside, whatever it says", async () => {
    writeFileSync(join(tree, "file"), "content");
    const store = await capture();
    const list = readFileSync(join(store, LIST_NAME), "utf8");
    const [root = "", file = ""] = list.trimEnd().split("\n");
    for (const name of ["..", ".", "a/b", "%2e%2e", "..%2fescaped", "%2fetc%2fescaped", "", "%zz", "a".repeat(256)]) {
      writeFileSync(join(store, LIST_NAME), `${root}\n${file.replace(/file$/, name)}\n`);
      await expect(restore(store), name).rejects.toMatchObject({ code: "snapshot_corrupt" });
    }
    expect(existsSync(join(dir, "escaped"))).toBe(false);
  });

  test("lines of any kind, with nothing written beside the folder", async () => {
    writeFileSync(join(tree, "file"), "content");
    const store = await capture();
    const [root = "", file = ""] = readFileSync(join(store, LIST_NAME), "utf8").trimEnd().split("\n");
    const word = fc.oneof(fc.constantFrom("0", "1", "755", "..", "/", "1.5", "%00", "-1", "9".repeat(30)), fc.string());
    const line = fc.oneof(
      fc.constantFrom(root, file, "D 0 755 1.0 d", "L 0 1.0 ../../x d", "D 1 0 1.0 e", "L 0 1.0 %2e%2e up"),
      fc
        .tuple(fc.constantFrom("D", "F", "H", "L", "P", "R", "?"), fc.array(word, { maxLength: 8 }))
        .map(([kind, words]) => [kind, ...words].join(" ")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        writeFileSync(join(store, LIST_NAME), [root, ...lines, ""].join("\n"));
        const into = folder("into");
        await restoreTree({ store, into }).catch((error) => {
          expect(["snapshot_corrupt", "store_failed", "resource_exhausted"]).toContain(error.code);
        });
        expect(readdirSync(into).filter((name) => name !== "tree" && name !== "links")).toEqual([]);
      }),
      { numRuns: 40 },
    );
    expect(readdirSync(dir).filter((name) => !/^(tree|store|into|small)-\d+$|^link$/.test(name))).toEqual([]);
  });
});

test("a tree that its owner may not read can be removed", async () => {
  const closed = join(tree, "closed");
  mkdirSync(join(closed, "below"), { recursive: true });
  chmodSync(closed, 0);
  await removeTree(tree);
  expect(existsSync(tree)).toBe(false);
});
