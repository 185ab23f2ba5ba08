import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type TarMember, tarOf } from "../../agent/tar-fixture.ts";
import { type Image, type Images, openImages } from "../index.ts";
import { HOST_ARCHITECTURE, type LayoutOptions, missingTools, writeBlob, writeLayout } from "../testing.ts";

let dir: string;
let layout: string;
let images: Images;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-oci-"));
  layout = join(dir, "layout");
  images = openImages({ dir: join(dir, "images"), definitionsDir: join(dir, "definitions") });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const LAYERS = [
  tarOf([
    { name: "bin/bash", content: "#!", mode: 0o755 },
    { name: "usr/local/bin/python3", content: "#!", mode: 0o755 },
    { name: "etc/passwd", content: "root:x:0:0:root:/root:/bin/bash\n" },
    { name: "etc/old", content: "old" },
  ]),
  tarOf([{ name: "etc/.wh.old" }, { name: "etc/new", content: "new", mode: 0o600 }]),
];

function write(options: Partial<LayoutOptions> = {}): string {
  writeLayout(layout, { layers: LAYERS, ...options });
  return layout;
}

/** A layout as a tar, with these members besides. */
function archive(members: readonly TarMember[] = []): string {
  const file = join(dir, "archive.tar");
  const names = readdirSync(layout, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(layout, join(entry.parentPath, entry.name)));
  const latin = names.map((name) => ({ name, content: readFileSync(join(layout, name)) }));
  const own = latin.map(({ name, content }) => rawMember(name, content));
  writeFileSync(file, Buffer.concat([...own, tarOf(members)]));
  return file;
}

function rawMember(name: string, content: Buffer): Buffer {
  const header = tarOf([{ name, size: Buffer.from(`${content.length.toString(8).padStart(11, "0")}\0`) }]);
  return Buffer.concat([header.subarray(0, 512), content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

function unpacked(image: Image): (path: string) => string {
  const to = join(dir, `files-${image.name}`);
  execFileSync("unsquashfs", ["-no-progress", "-quiet", "-d", to, image.rootfs], { stdio: "ignore" });
  return (path) => readFileSync(join(to, path), "utf8");
}

describe("OCI images", () => {
  test("a layout of several layers becomes an image in which kernels find their programs", async ({ skip }) => {
    const missing = missingTools();
    if (missing) skip(missing);
    const image = await images.importFrom(write({ env: ["NODE_VERSION=24.1.0"] }), { name: "mine" });
    expect(image).toMatchObject({ name: "mine", origin: "import", languages: ["python", "bash"] });
    const read = unpacked(image);
    expect(readlinkSync(join(dir, "files-mine", "usr/bin/python3"))).toBe("/usr/local/bin/python3");
    expect(read("etc/new")).toBe("new");
    expect(() => read("etc/old")).toThrow(/ENOENT/);
    expect(read("etc/passwd")).toBe(
      "root:x:0:0:root:/root:/bin/bash\nglovebox:x:1000:1000:glovebox:/workspace:/bin/bash\n",
    );
    expect(readdirSync(join(dir, "files-mine", "glovebox")).sort()).toEqual(["bin", "kernels", "packages"]);
    // It stands for its name, which nothing defines.
    expect(await images.ensure("mine")).toEqual(image);
    expect(await images.list()).toEqual([{ name: "mine", description: "", state: "ready", image }]);
    await images.remove("mine");
    await expect(images.ensure("mine")).rejects.toMatchObject({ code: "not_found" });
    expect(readdirSync(join(dir, "images", "contents"))).toEqual([]);
  });

  test("an image's own Node serves when the image says that it is new enough", async ({ skip }) => {
    const missing = missingTools();
    if (missing) skip(missing);
    const node = tarOf([{ name: "usr/local/bin/node", content: "#!", mode: 0o755 }]);
    for (const [name, version, languages] of [
      ["new", "NODE_VERSION=24.1.0", ["javascript", "typescript"]],
      ["old", "NODE_VERSION=18.0.0", []],
    ] as const) {
      layout = join(dir, name);
      const image = await images.importFrom(write({ layers: [node], env: [version] }), { name });
      expect(image.languages).toEqual(languages);
    }
  });

  test.each(["none", "gzip", "zstd"] as const)(
    "layers packed by %s, in an archive, give the same image",
    async (compression) => {
      if (missingTools()) return;
      write({ compression, reference: "ref" });
      const plain = await images.importFrom(archive());
      expect(plain.name).toBe("ref");
      const packed = join(dir, "archive.tar.gz");
      writeFileSync(packed, gzipSync(readFileSync(archive([{ name: "manifest.json", content: "[]" }]))));
      const again = await images.importFrom(packed, { name: "again" });
      expect(again.id).toBe(plain.id);
      // The content is shared: it goes with its last name.
      await images.remove("ref");
      expect(readFileSync(again.rootfs).length).toBe(again.sizeBytes);
    },
  );

  test("exported and imported elsewhere, an image is the same, with all that a file can be", async ({ skip }) => {
    const missing = missingTools();
    if (missing) skip(missing);
    const odd = [
      { name: "a b/", type: "5", mode: 0o700 },
      { name: 'a b/quo"te', content: "q" },
      { name: "back\\slash", content: "b", mode: 0o400 },
      { name: "hard", type: "1", link: "back\\slash" },
      { name: "empty", content: "" },
      { name: "ünï", content: "u" },
      { name: "soft", type: "2", link: 'a b/quo"te' },
      { name: "pipe", type: "6" },
      { name: "big", content: "0123456789".repeat(200_000) },
    ];
    const first = await images.importFrom(write({ layers: [...LAYERS, tarOf(odd)] }), { name: "odd" });
    const file = join(dir, "odd.tar");
    await images.exportTo("odd", file);
    await expect(images.exportTo("odd", file)).rejects.toMatchObject({ code: "already_exists" });
    await expect(images.exportTo("none", join(dir, "none.tar"))).rejects.toMatchObject({ code: "not_found" });
    const elsewhere = openImages({ dir: join(dir, "elsewhere"), definitionsDir: join(dir, "definitions") });
    const second = await elsewhere.importFrom(file);
    expect({ ...second, rootfs: "", createdAt: "" }).toEqual({ ...first, rootfs: "", createdAt: "" });
    const read = unpacked(second);
    expect([read('a b/quo"te'), read("hard"), read("soft"), read("ünï")]).toEqual(["q", "b", "q", "u"]);
    expect(readdirSync(join(dir, "images", "building"))).toEqual([]);
  });

  test("of an index the manifest for this host's processor is taken, through indexes in indexes", async ({ skip }) => {
    const missing = missingTools();
    if (missing) skip(missing);
    write({
      edit: ({ index }) => {
        const [own] = index.manifests;
        if (own) own.platform = { architecture: HOST_ARCHITECTURE, os: "linux" };
        const other = {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest: `sha256:${"0".repeat(64)}`,
          size: 1,
        };
        index.manifests.push({ ...other, platform: { architecture: "s390x", os: "linux" } });
        index.manifests.push({ ...other, platform: { architecture: HOST_ARCHITECTURE, os: "windows" } });
      },
    });
    const inner = writeBlob(layout, readFileSync(join(layout, "index.json")));
    const outer = { schemaVersion: 2, manifests: [{ mediaType: "application/vnd.oci.image.index.v1+json", ...inner }] };
    writeFileSync(join(layout, "index.json"), JSON.stringify(outer));
    expect((await images.importFrom(layout, { name: "nested" })).languages).toEqual(["python", "bash"]);
  });

  test("a name that is taken is not taken over, unless asked to", async ({ skip }) => {
    const missing = missingTools();
    if (missing) skip(missing);
    const first = await images.importFrom(write(), { name: "one" });
    layout = join(dir, "other");
    write({ layers: [tarOf([{ name: "x", content: "x" }])] });
    await expect(images.importFrom(layout, { name: "one" })).rejects.toMatchObject({ code: "already_exists" });
    expect(await images.ensure("one")).toEqual(first);
    const second = await images.importFrom(layout, { name: "one", replace: true });
    expect(second.id).not.toBe(first.id);
    expect(readdirSync(join(dir, "images", "contents"))).toEqual([second.id]);
    await expect(images.importFrom(layout)).rejects.toMatchObject({ code: "invalid_argument", message: /give it one/ });
    await expect(images.importFrom(layout, { name: "../x" })).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

describe("hostile OCI images are refused", () => {
  const zeros = `sha256:${"0".repeat(64)}`;

  test.each<[string, Partial<LayoutOptions>, RegExp]>([
    ["a layer that is not what its digest says", { edit: swapLayers }, /damaged|bytes that it should/],
    ["a layer that unpacks to something else", { edit: ({ config }) => config.rootfs.diff_ids.reverse() }, /damaged/],
    ["a layer too few", { edit: ({ config }) => config.rootfs.diff_ids.pop() }, /does not have its layers/],
    ["a blob that is not there", { edit: ({ manifest }) => setDigest(manifest.layers[0], zeros) }, /cannot be read/],
    [
      "a digest that leads out",
      { edit: ({ manifest }) => setDigest(manifest.layers[0], "sha256:../../../../etc/passwd") },
      /not a SHA-256/,
    ],
    ["a negative size", { edit: ({ manifest }) => setSize(manifest.layers[0], -1) }, /manifest is invalid/],
    ["a size that is a lie", { edit: ({ manifest }) => setSize(manifest.layers[0], 10) }, /bytes that it should/],
    ["another processor", { edit: ({ config }) => (config.architecture = "s390x") }, /not this host/],
    ["another system", { edit: ({ config }) => (config.os = "windows") }, /not this host/],
    [
      "a layer that is elsewhere",
      {
        edit: ({ manifest }) =>
          setType(manifest.layers[0], "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
      },
      /unknown type/,
    ],
    ["a document that is huge", { edit: ({ index }) => setManifest(index, { size: 5_000_000 }) }, /too large/],
    [
      "an index that is its own",
      { edit: ({ index }) => setManifest(index, { mediaType: "application/vnd.oci.image.index.v1+json" }) },
      /invalid|cannot be read|lead to no/,
    ],
    [
      "nothing for this host",
      { edit: ({ index }) => setManifest(index, { mediaType: "text/plain" }) },
      /nothing for linux/,
    ],
    [
      "several images",
      { edit: ({ index }) => index.manifests.push({ ...manifestOf(index), digest: zeros, size: 1 }) },
      /several images/,
    ],
    [
      "a gzip that is none",
      { edit: ({ manifest }) => setType(manifest.layers[0], "application/vnd.oci.image.layer.v1.tar+zstd") },
      /cannot be read/,
    ],
    ["no layers", { layers: [] }, /manifest is invalid/],
    ["too many layers", { layers: Array(129).fill(tarOf([])) }, /manifest is invalid/],
  ])("%s", async (_, options, message) => {
    const failing = images.importFrom(write(options), { name: "evil" });
    await expect(failing).rejects.toMatchObject({ code: "invalid_argument", message });
    expectNothingLeft();
  });

  test("bombs, in a layer and around all of it, are not unpacked", async () => {
    images = openImages({ dir: join(dir, "images"), definitionsDir: dir, maxImageMb: 8 });
    const zeros = Buffer.alloc(32 * 1_048_576);
    const size = Buffer.from(`${zeros.length.toString(8).padStart(11, "0")}\0`);
    const layer = Buffer.concat([tarOf([{ name: "zeros", size }]).subarray(0, 512), zeros]);
    const code = "payload_too_large";
    await expect(images.importFrom(write({ layers: [layer] }), { name: "evil" })).rejects.toMatchObject({ code });
    expectNothingLeft();
    const outside = join(dir, "bomb.tar.gz");
    writeFileSync(outside, gzipSync(layer));
    await expect(images.importFrom(outside, { name: "evil" })).rejects.toMatchObject({ code });
    expectNothingLeft();
  });

  test("links and pipes in place of blobs, and in archives, lead nowhere", async () => {
    write();
    const secret = join(dir, "secret");
    writeFileSync(secret, readFileSync(join(layout, "index.json")));
    rmSync(join(layout, "index.json"));
    symlinkSync(secret, join(layout, "index.json"));
    await expect(images.importFrom(layout, { name: "evil" })).rejects.toMatchObject({ code: "invalid_argument" });
    rmSync(join(layout, "index.json"));
    execFileSync("mkfifo", [join(layout, "index.json")]);
    await expect(images.importFrom(layout, { name: "evil" })).rejects.toMatchObject({ message: /not a file/ });
    rmSync(join(layout, "index.json"));
    const evil = archive([
      { name: "../../escaped", content: "x" },
      { name: "/tmp/glovebox-escaped", content: "x" },
      { name: "blobs/sha256/../../escaped", content: "x" },
      { name: "blobs/sha256", type: "2", link: dirname(secret) },
      { name: "index.json", type: "2", link: secret },
    ]);
    await expect(images.importFrom(evil, { name: "evil" })).rejects.toMatchObject({
      message: /index\.json cannot be read/,
    });
    expect(readdirSync(dir).sort()).toEqual(["archive.tar", "images", "layout", "secret"]);
    expectNothingLeft();
  });

  test("what is no archive, or none at all", async () => {
    const file = join(dir, "noise");
    writeFileSync(file, randomBytes(10_000));
    const code = "invalid_argument";
    await expect(images.importFrom(file, { name: "evil" })).rejects.toMatchObject({ code });
    writeFileSync(file, gzipSync(randomBytes(10_000)).subarray(0, 5_000));
    await expect(images.importFrom(file, { name: "evil" })).rejects.toMatchObject({ code });
    writeFileSync(file, "");
    await expect(images.importFrom(file, { name: "evil" })).rejects.toMatchObject({ code });
    await expect(images.importFrom(join(dir, "none"), { name: "evil" })).rejects.toMatchObject({ code });
    mkdirSync(join(dir, "empty"));
    await expect(images.importFrom(join(dir, "empty"), { name: "evil" })).rejects.toMatchObject({ code });
    expectNothingLeft();
  });

  function expectNothingLeft(): void {
    const left = readdirSync(join(dir, "images"), { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile() || entry.isSymbolicLink())).toEqual([]);
    expect(readdirSync(join(dir, "images", "building"))).toEqual([]);
  }
});

type Documents = Parameters<NonNullable<LayoutOptions["edit"]>>[0];
type LayerOf = Documents["manifest"]["layers"][number] | undefined;

function swapLayers({ manifest }: Documents): void {
  const [first, second] = manifest.layers;
  const content = createHash("sha256").update("another").digest("hex");
  const blobs = join(layout, "blobs", "sha256");
  if (first && second) renameSync(join(blobs, first.digest.slice(7)), join(blobs, content));
  if (first) first.digest = `sha256:${content}`;
}

const setDigest = (layer: LayerOf, digest: string) => layer && Object.assign(layer, { digest });
const setSize = (layer: LayerOf, size: number) => layer && Object.assign(layer, { size });
const setType = (layer: LayerOf, mediaType: string) => layer && Object.assign(layer, { mediaType });

function manifestOf(index: Documents["index"]): Documents["index"]["manifests"][number] {
  const [first] = index.manifests;
  if (!first) throw new Error("the index is empty");
  return first;
}

/** Before the manifest is written: what is given stays. */
function setManifest(index: Documents["index"], change: Partial<Documents["index"]["manifests"][number]>): void {
  const first = manifestOf(index);
  Object.assign(first, change, "size" in change ? { digest: `sha256:${"0".repeat(64)}` } : {});
}
