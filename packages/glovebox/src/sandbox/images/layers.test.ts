import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import { type TarMember, tarOf } from "../agent/tar-fixture.ts";
import { applyLayer } from "./apply-layer.ts";
import { ContentHeap } from "./content-heap.ts";
import { FileTree, type TreeBounds } from "./file-tree.ts";

let dir: string;
let heap: ContentHeap;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-layers-"));
  heap = await ContentHeap.create(join(dir, "heap"), 1_048_576);
});
afterEach(async () => {
  await heap[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const DIR = "5";
const SYMLINK = "2";
const HARD_LINK = "1";

async function apply(layers: readonly (readonly TarMember[])[], bounds?: Partial<TreeBounds>): Promise<FileTree> {
  const tree = new FileTree(bounds);
  for (const members of layers) await applyLayer({ tar: pieces(tarOf(members)), tree, heap });
  return tree;
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}

async function shown(tree: FileTree): Promise<Record<string, string>> {
  const lines: Record<string, string> = {};
  for (const [path, node] of tree.walk()) {
    if (node.kind === "file") lines[path] = Buffer.from(await heap.readWhole(node.content)).toString();
    else lines[path] = node.kind === "link" ? `-> ${node.target}` : `(${node.kind})`;
  }
  return lines;
}

describe("layers", () => {
  test("later ones add, replace and hide, as the OCI specification says", async () => {
    const tree = await apply([
      [
        { name: "./", type: DIR },
        { name: "etc/", type: DIR },
        { name: "etc/a", content: "a1" },
        { name: "etc/b", content: "b1" },
        { name: "opt/tool/bin", content: "t1" },
        { name: "opt/tool/doc", content: "d1" },
        { name: "var/cache/one", content: "1" },
        { name: "gone/deep/er", content: "x" },
      ],
      [
        { name: "etc/a", content: "a2" },
        { name: "etc/.wh.b" },
        // Opaque: of this layer stays what comes before it, too.
        { name: "opt/tool/new", content: "n2" },
        { name: "opt/tool/.wh..wh..opq" },
        { name: ".wh.gone" },
        { name: "var/cache", content: "now a file" },
        { name: ".wh..wh.plnk", content: "bookkeeping of aufs" },
        { name: "etc/.wh.never-there" },
      ],
      [{ name: "gone", content: "back" }],
    ]);
    expect(await shown(tree)).toEqual({
      etc: "(dir)",
      "etc/a": "a2",
      gone: "back",
      opt: "(dir)",
      "opt/tool": "(dir)",
      "opt/tool/new": "n2",
      var: "(dir)",
      "var/cache": "now a file",
    });
  });

  test("links on the way lead where they would inside the image, and hard links share their file", async () => {
    const tree = await apply([
      [
        { name: "usr/lib/x", content: "x" },
        { name: "lib", type: SYMLINK, link: "usr/lib" },
        { name: "out", type: SYMLINK, link: "../../../../etc" },
        { name: "abs", type: SYMLINK, link: "/usr/lib" },
        { name: "hard", type: HARD_LINK, link: "lib/x" },
      ],
      [{ name: "lib/y", content: "y" }, { name: "out/passwd", content: "inside" }, { name: "abs/.wh.x" }],
    ]);
    expect(await shown(tree)).toEqual({
      abs: "-> /usr/lib",
      etc: "(dir)",
      "etc/passwd": "inside",
      hard: "x",
      lib: "-> usr/lib",
      out: "-> ../../../../etc",
      usr: "(dir)",
      "usr/lib": "(dir)",
      "usr/lib/y": "y",
    });
    // Nothing but the heap was made on the host.
    expect(readdirSync(dir)).toEqual(["heap"]);
  });

  test("set-uid, set-gid and devices below /dev do not come along", async () => {
    const tree = await apply([
      [
        { name: "su", content: "x", mode: 0o6755 },
        { name: "tmp", type: DIR, mode: 0o1777 },
        { name: "dev/null", type: "3" },
        { name: "pipe", type: "6" },
      ],
    ]);
    const modes = [...tree.walk()].map(([path, { mode, kind }]) => [path, kind, mode.toString(8)]);
    expect(modes).toEqual([
      ["pipe", "fifo", "644"],
      ["su", "file", "755"],
      ["tmp", "dir", "1777"],
    ]);
  });

  test.each<[string, readonly TarMember[], RegExp]>([
    ["'..'", [{ name: "a/../../etc/passwd", content: "x" }], /leads out/],
    ["an absolute name", [{ name: "/etc/passwd", content: "x" }], /is absolute/],
    ["a device", [{ name: "sda", type: "4" }], /is a device/],
    ["a kind nobody knows", [{ name: "x", type: "Z" }], /unknown kind|cannot be read/],
    ["a name with a line break", [{ name: "a\nb", content: "x" }], /no name we take/],
    ["a name that moves a terminal's cursor", [{ name: "a\u001b[2Jb", content: "x" }], /'a\?\[2Jb' is no name/],
    ["a hard link out", [{ name: "x", type: HARD_LINK, link: "../etc/passwd" }], /leads out/],
    ["an absolute hard link", [{ name: "x", type: HARD_LINK, link: "/etc/passwd" }], /is absolute/],
    ["a hard link to nothing", [{ name: "x", type: HARD_LINK, link: "y" }], /hard link to no file/],
    [
      "a hard link to a directory",
      [
        { name: "d", type: DIR },
        { name: "x", type: HARD_LINK, link: "d" },
      ],
      /to no file/,
    ],
    ["a link to nothing", [{ name: "x", type: SYMLINK }], /link to nothing/],
    ["links in a circle", circle(), /too many links/],
    ["a path without end", [{ name: `${"d/".repeat(40)}x`, content: "x" }], /parts/],
    [
      "a size beyond all numbers",
      [{ name: "x", size: Buffer.from("8100000000000000000000ff", "hex") }],
      /possible size/,
    ],
    ["half of an archive", [{ name: "x", size: Buffer.from("00000007777\0") }], /cannot be read|Unexpected end/],
  ])("%s is refused", async (_, members, message) => {
    const failing = apply([members], { maxDepth: 32 });
    await expect(failing).rejects.toMatchObject({ code: "invalid_argument", message });
  });

  test("bombs are refused: of files, of bytes, of layers that each add a little", async () => {
    const many = Array.from({ length: 101 }, (_, n) => ({ name: `f${n}`, content: "" }));
    const code = "payload_too_large";
    await expect(apply([many], { maxEntries: 100 })).rejects.toMatchObject({ code });
    const large = { name: "big", content: "x".repeat(700_000) };
    await expect(apply([[large], [large]])).rejects.toMatchObject({ code });
    const deep = Array.from({ length: 60 }, (_, n) => ({ name: `d${n}/${n}`, content: "" }));
    await expect(apply([deep], { maxEntries: 100 })).rejects.toMatchObject({ code });
  });

  test("what is replaced or hidden makes room for others", async () => {
    const layer = Array.from({ length: 50 }, (_, n) => ({ name: `f${n}`, content: "" }));
    const hidden = layer.map(({ name }) => ({ name: `.wh.${name}` }));
    const layers = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? layer : hidden));
    expect((await apply([...layers, layer, layer], { maxEntries: 60 })).size).toBe(50);
  });

  test("an abort ends the reading of an archive that never ends", async () => {
    const stop = new AbortController();
    let read = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        yield tarOf([{ name: `f${read}`, content: "" }]).subarray(0, 512);
        read += 1;
        if (read === 1000) stop.abort();
        if (read % 100 === 0) await new Promise(setImmediate);
      }
    }
    const failing = applyLayer({ tar: endless(), tree: new FileTree(), heap, signal: stop.signal });
    await expect(failing).rejects.toMatchObject({ code: "cancelled" });
  });

  test("any layers come out as a plain reading of the specification says", async () => {
    const layers = fc.array(fc.array(operation, { maxLength: 12 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(layers, async (all) => {
        const tree = await apply(all.map((layer) => layer.map(({ member }) => member)));
        expect(await shown(tree)).toEqual(expected(all));
        expect(tree.size).toBe([...tree.walk()].length);
      }),
      { numRuns: 300 },
    );
  });

  test("damaged archives give a tree or a refusal, and never anything else", async () => {
    const whole = tarOf([
      { name: "usr/", type: DIR },
      { name: "usr/a", content: "some text" },
      { name: "lib", type: SYMLINK, link: "usr" },
      { name: "b", type: HARD_LINK, link: "usr/a" },
      { name: ".wh.c" },
    ]);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(damage, fc.integer({ min: 1, max: whole.length }), fc.boolean(), async (bytes, end, repair) => {
        const broken = Buffer.from(whole);
        for (const [at, value] of bytes) broken[at] = value;
        if (repair) repairChecksums(broken);
        try {
          await applyLayer({ tar: pieces(broken.subarray(0, end)), tree: new FileTree(), heap });
        } catch (error) {
          expect(isGloveboxError(error, "invalid_argument") || isGloveboxError(error, "payload_too_large")).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** So that damage reaches what is behind the checksum. */
function repairChecksums(tar: Buffer): void {
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    if (tar.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    tar.fill(" ", at + 148, at + 156);
    const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148);
  }
}

function circle(): TarMember[] {
  return [
    { name: "a", type: SYMLINK, link: "b" },
    { name: "b", type: SYMLINK, link: "a" },
    { name: "a/x", content: "x" },
  ];
}

interface Operation {
  readonly kind: "file" | "dir" | "whiteout" | "opaque";
  readonly path: readonly string[];
  readonly member: TarMember;
}

const operation: fc.Arbitrary<Operation> = fc
  .record({
    kind: fc.constantFrom("file" as const, "dir" as const, "whiteout" as const, "opaque" as const),
    path: fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }),
    text: fc.constantFrom("1", "2", "3"),
  })
  .map(({ kind, path, text }) => ({ kind, path, member: memberFor(kind, path, text) }));

function memberFor(kind: Operation["kind"], path: readonly string[], text: string): TarMember {
  const folder = path.slice(0, -1).map((part) => `${part}/`);
  switch (kind) {
    case "file":
      return { name: path.join("/"), content: text };
    case "dir":
      return { name: `${path.join("/")}/`, type: DIR };
    case "whiteout":
      return { name: `${folder.join("")}.wh.${path.at(-1)}` };
    case "opaque":
      return { name: `${path.join("/")}/.wh..wh..opq` };
  }
}

/** The same on a flat list of paths: slow and plain. */
function expected(layers: readonly (readonly Operation[])[]): Record<string, string> {
  const known = new Map<string, { text: string; layer: number }>();
  const below = (path: string) => [...known.keys()].filter((one) => one.startsWith(`${path}/`));
  const isDir = (path: string) => path === "" || known.get(path)?.text === "(dir)";
  const strip = (paths: readonly string[], layer: number) => {
    for (const path of [...paths].sort((a, b) => b.length - a.length)) {
      if ((known.get(path)?.layer ?? layer) < layer && below(path).length === 0) known.delete(path);
    }
  };
  for (const [layer, operations] of layers.entries()) {
    for (const { kind, path, member } of operations) {
      const full = path.join("/");
      const parents = path.slice(1).map((_, index) => path.slice(0, index + 1).join("/"));
      const reachable = parents.every(isDir);
      if (kind === "whiteout") {
        if (reachable && known.has(full)) strip([full, ...below(full)], layer);
      } else if (kind === "opaque") {
        if (reachable && isDir(full)) strip(below(full), layer);
      } else {
        for (const parent of parents) if (!isDir(parent)) known.set(parent, { text: "(dir)", layer });
        if (kind === "file" || !isDir(full)) for (const one of below(full)) known.delete(one);
        known.set(full, { text: kind === "dir" ? "(dir)" : (member.content ?? ""), layer });
      }
    }
  }
  return Object.fromEntries([...known].map(([path, { text }]) => [path, text]));
}
