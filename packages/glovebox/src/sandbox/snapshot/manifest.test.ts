import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MANIFEST_NAME, readManifest, writeManifest } from "./manifest.ts";

const DESCRIBED = { isolation: "microvm", kind: "memory", compatibility: { qemu: "7" }, data: { a: 1 } } as const;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "glovebox-manifest-"));
  await writeFile(join(dir, "state"), "the state");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test("what is written is read again, and a changed byte is found", async () => {
  const written = await writeManifest(dir, DESCRIBED);
  expect(await readManifest(dir, "microvm")).toEqual(written);
  await writeFile(join(dir, "state"), "the stats");
  await expect(readManifest(dir, "microvm")).rejects.toThrow("state is damaged");
});

test("snapshots of the first format are read by their own checksums", async () => {
  await writeManifest(dir, DESCRIBED);
  const path = join(dir, MANIFEST_NAME);
  const manifest = JSON.parse(await readFile(path, "utf8"));
  manifest.version = 1;
  await writeFile(path, JSON.stringify(manifest));
  await expect(readManifest(dir, "microvm")).rejects.toMatchObject({ code: "snapshot_corrupt" });
  manifest.files.state.sha256 = createHash("sha256").update("the state").digest("hex");
  await writeFile(path, JSON.stringify(manifest));
  expect(await readManifest(dir, "microvm")).toMatchObject({ version: 1, data: { a: 1 } });
  manifest.version = 3;
  await writeFile(path, JSON.stringify(manifest));
  await expect(readManifest(dir, "microvm")).rejects.toMatchObject({ code: "snapshot_incompatible" });
});
