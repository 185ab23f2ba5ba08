import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { systemClock } from "../../core/index.ts";
import { parseBlockList } from "./block-list.ts";
import { parseRange } from "./byte-range.ts";
import { folderStorage, STORAGE_LIMITS } from "./folder-storage.ts";
import { createJobToolkit } from "./job-toolkit.ts";

const job = { runId: "run-1", jobKey: "build" };
const ids = { workflow_run_backend_id: "run-1", workflow_job_run_backend_id: "build" };
const limits = { ...STORAGE_LIMITS, entryBytes: 1000, uploadBytes: 1500 };
const ARTIFACTS = "github.actions.results.api.v1.ArtifactService";
const CACHES = "github.actions.results.api.v1.CacheService";

let root: string;
let server: Server;
let token: string;
const storageOf = (runId = "run-1") =>
  folderStorage(
    root,
    { tenantId: "t", repository: "acme/box", runId, keptBy: runId },
    { clock: systemClock, limits, key: Buffer.alloc(32) },
  );

/** The service of a job, over plain HTTP as a gate hands it on. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "glovebox-toolkit-"));
  const toolkit = createJobToolkit(storageOf(), job);
  token = toolkit.token;
  server = createServer((request, response) => toolkit.service.serve(request, response, request.url ?? "/"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(root, { recursive: true, force: true });
});

const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
/** The service's own addresses, reached by the test. */
const here = (address: unknown) => `${origin()}${String(address).replace(/^http:\/\/[^/]*/, "")}`;
async function call(method: string, body: unknown, more: { readonly token?: string; readonly service?: string } = {}) {
  const { token: given = token, service = ARTIFACTS } = more;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const headers = { authorization: `Bearer ${given}`, "content-type": "application/json" };
  const answer = await fetch(`${origin()}/twirp/${service}/${method}`, { method: "POST", headers, body: text });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}
const put = async (address: unknown, body: string, query = "") =>
  (await fetch(`${here(address)}${query}`, { method: "PUT", body })).status;
const blocks = (...names: readonly string[]) =>
  `<?xml version="1.0" encoding="utf-8"?><BlockList>${names.map((name) => `<Latest>${name}</Latest>`).join("")}</BlockList>`;

async function zipOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, text] of Object.entries(files)) zip.addBuffer(Buffer.from(text), name);
  zip.end();
  return await buffer(zip.outputStream as Readable);
}

async function upload(name: string, content: string, mime_type?: string): Promise<number> {
  const made = await call("CreateArtifact", {
    ...ids,
    name,
    version: 7,
    ...(mime_type !== undefined && { mime_type }),
  });
  if (made.status !== 200) return made.status;
  await put(made.body.signed_upload_url, content);
  return (await call("FinalizeArtifact", { ...ids, name, size: String(Buffer.byteLength(content)) })).status;
}

describe("the service of a job", () => {
  it("believes its own token alone, and no other run's names and addresses", async () => {
    for (const bad of ["", "x", `${token}x`, token.slice(0, -1), token.replace(/\.[^.]*$/, ".")]) {
      expect([bad, (await call("ListArtifacts", ids, { token: bad })).status]).toEqual([bad, 401]);
    }
    expect((await call("ListArtifacts", { ...ids, workflow_run_backend_id: "run-2" })).status).toBe(403);
    expect((await call("NoSuchMethod", ids)).status).toBe(404);
    expect((await call("toString", ids)).status).toBe(404);
    expect((await call("ListArtifacts", "{", {})).status).toBe(400);
    expect((await call("ListArtifacts", { ...ids, name_filter: "x".repeat(70_000) })).status).toBe(400);
    // The other job's token names it, and is another.
    const other = createJobToolkit(storageOf(), { ...job, jobKey: "test" });
    expect(other.token).not.toBe(token);
    expect((await call("ListArtifacts", ids, { token: other.token })).status).toBe(401);
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(claims.scp).toBe("Actions.Results:run-1:build");
    expect(createJobToolkit(storageOf(), job).token).toBe(token);

    const { body } = await call("CreateArtifact", { ...ids, name: "a", version: 7 });
    const address = new URL(String(body.signed_upload_url));
    const forged = [
      ["sig", "x"],
      ["n", '["other"]'],
      ["n", "{"],
    ] as const;
    for (const [field, value] of forged) {
      const changed = new URL(address);
      changed.searchParams.set(field, value);
      expect(await put(changed.href, "x")).toBe(404);
    }
    expect(await put(address.href.replace("/uploads/", "/artifacts/"), "x")).toBe(404);
    expect((await fetch(here(address))).status).toBe(404);
    expect((await fetch(`${origin()}/../../etc/passwd`)).status).toBe(404);
  });

  it("puts blocks together in the order that is said, and takes what was sent for what it is", async () => {
    const { body } = await call("CreateArtifact", { ...ids, name: "log.txt", version: 7, mime_type: "text/plain" });
    const address = body.signed_upload_url;
    expect(await put(address, "two", "&comp=block&blockid=Mg%3D%3D")).toBe(201);
    expect(await put(address, "one", "&comp=block&blockid=MQ%3D%3D")).toBe(201);
    expect(await put(address, blocks("MQ==", "eA=="), "&comp=blocklist")).toBe(400);
    expect((await call("FinalizeArtifact", { ...ids, name: "log.txt", size: "6" })).status).toBe(404);
    expect(await put(address, blocks("MQ==", "Mg=="), "&comp=blocklist")).toBe(201);
    expect((await call("FinalizeArtifact", { ...ids, name: "log.txt", size: "7" })).status).toBe(400);
    const hash = `sha256:${createHash("sha256").update("onetwo").digest("hex")}`;
    expect((await call("FinalizeArtifact", { ...ids, name: "log.txt", size: "6", hash: "sha256:0" })).status).toBe(400);
    expect((await call("FinalizeArtifact", { ...ids, name: "log.txt", size: "6", hash })).status).toBe(200);
    expect(await put(address, "late")).toBe(404);
    const { artifacts } = storageOf();
    expect((await buffer((await artifacts.raw("log.txt"))?.content ?? Readable.from([]))).toString()).toBe("onetwo");
    const names = (await readdir(root, { recursive: true })).map((name) => name.split("/").at(-1) ?? "");
    expect(
      names.filter((name) => !/^([0-9a-f]{40}(\.tar|\.json)?|artifacts|uploads|kept-by-run-1)$/.test(name)),
    ).toEqual([]);

    const { body: found } = await call("GetSignedArtifactURL", { ...ids, name: "log.txt" });
    const part = async (range: string) => {
      const answer = await fetch(here(found.signed_url), { headers: { range } });
      return [answer.status, answer.headers.get("content-range"), await answer.text()];
    };
    expect(await part("bytes=0-2")).toEqual([206, "bytes 0-2/6", "one"]);
    expect(await part("bytes=-3")).toEqual([206, "bytes 3-5/6", "two"]);
    expect(await part("bytes=9-")).toEqual([416, "bytes */6", ""]);
    const head = await fetch(here(found.signed_url), { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "6"]);
    expect(head.headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''log.txt");
  });

  it("keeps within its bounds: bytes of one and of all that is not finished, uploads, names", async () => {
    expect(await upload("large", "x".repeat(1001))).toBe(403);
    // It is still there: together with it, another is too much.
    expect(await upload("other", "x".repeat(600))).toBe(404);
    await call("CreateArtifact", { ...ids, name: "large", version: 7 });
    expect(await upload("other", "x".repeat(600))).toBe(200);
    for (const name of ["../x", "a/b", "", "x".repeat(300)]) expect(await upload(name, "x"), name).not.toBe(200);
    const made = [];
    for (let at = 0; at < 70; at += 1)
      made.push((await call("CreateArtifact", { ...ids, name: `n${at}`, version: 7 })).status);
    expect(new Set(made)).toEqual(new Set([200, 403]));
    for (const wish of [{ key: "a,b" }, { key: "" }, { key: "k".repeat(513) }]) {
      const { status, body } = await call("CreateCacheEntry", { version: "v", ...wish }, { service: CACHES });
      if (status === 200) await put(body.signed_upload_url, "x");
      const end = await call("FinalizeCacheEntryUpload", { version: "v", ...wish }, { service: CACHES });
      expect(end.status).toBeGreaterThanOrEqual(400);
    }
  });

  it("gives files of zip files to whoever wants a tar, and lets nothing of a zip file lead out of it", async () => {
    const { artifacts } = storageOf();
    const keep = async (name: string, zip: Buffer) => {
      await artifacts.put(name, Readable.from([zip]), { format: "zip" });
      return buffer((await artifacts.get(name)) ?? Readable.from([]));
    };
    const good = await zipOf({ "a.txt": "a\n", "deep/b.txt": "", "ä.txt": "ä" });
    expect((await keep("good", good)).toString()).toContain("deep/b.txt");
    await expect(keep("none", Buffer.from("no zip file"))).rejects.toMatchObject({ code: "workspace_invalid" });
    // Names of the same length, written over the ones that the library allows.
    for (const [at, bad] of ["../a.tx", "/a/a.tx", "..\\a.tx"].entries()) {
      const evil = Buffer.from(
        (await zipOf({ "xxx.txt": "a" })).toString("latin1").replaceAll("xxx.txt", bad),
        "latin1",
      );
      await expect(keep(`evil ${at}`, evil)).rejects.toMatchObject({
        code: "workspace_invalid",
      });
    }
    const bomb = await zipOf({ zeros: "0".repeat(100_000) });
    await expect(keep("bomb", bomb)).rejects.toMatchObject({ code: "payload_too_large" });
  });

  it("finds caches by key, then by what keys begin with; an entry that is there stays", async () => {
    const save = async (key: string, text: string) => {
      const { status, body } = await call("CreateCacheEntry", { key, version: "v" }, { service: CACHES });
      if (status !== 200) return status;
      await put(body.signed_upload_url, text);
      return (await call("FinalizeCacheEntryUpload", { key, version: "v", size_bytes: "3" }, { service: CACHES }))
        .status;
    };
    expect([await save("deps-1", "one"), await save("deps-1", "two")]).toEqual([200, 409]);
    const find = async (key: string, restore_keys: readonly string[], version = "v") =>
      (await call("GetCacheEntryDownloadURL", { key, restore_keys, version }, { service: CACHES })).body;
    expect(await find("deps-2", [])).toEqual({ ok: false });
    expect(await find("deps-2", ["deps-"], "w")).toEqual({ ok: false });
    const found = await find("deps-2", ["none-", "deps-"]);
    expect(found).toMatchObject({ ok: true, matched_key: "deps-1" });
    expect(await (await fetch(here(found.signed_download_url))).text()).toBe("one");
    await storageOf().artifacts.put("x", Readable.from(["x"]));
    expect((await storageOf("run-2").artifacts.list()).length).toBe(0);
  });
});

it("reads lists of blocks as clients write them, and nothing else", () => {
  expect(parseBlockList("<BlockList/>")).toEqual([]);
  expect(parseBlockList(`\n${blocks("MQ==", "Mg==")}\n`)).toEqual(["MQ==", "Mg=="]);
  for (const bad of [
    "",
    "<BlockList>",
    "<BlockList><Latest>MQ==</Committed></BlockList>",
    "<BlockList><Latest>a b</Latest></BlockList>",
    `<!DOCTYPE x [<!ENTITY a "b">]><BlockList><Latest>&a;</Latest></BlockList>`,
    `${blocks("MQ==")}x`,
  ]) {
    expect(() => parseBlockList(bad)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
  }
  const id = fc.base64String({ minLength: 4, maxLength: 64 });
  fc.assert(
    fc.property(fc.array(id, { maxLength: 50 }), (names) => {
      expect(parseBlockList(blocks(...names))).toEqual(names);
    }),
  );
});

it("gives the part that a range asks for, of whatever size", () => {
  fc.assert(
    fc.property(fc.nat(50), fc.nat(60), fc.nat(60), (size, start, more) => {
      const text = "x".repeat(size);
      const range = parseRange(`bytes=${start}-${start + more}`, size);
      if (start >= size) return void expect(range).toBe("none");
      if (range === undefined || range === "none") throw new Error("no range");
      expect(text.slice(range.start, range.end + 1)).toBe(text.slice(start, start + more + 1));
    }),
  );
  for (const all of [undefined, "", "bytes=-", "bytes=1-2,4-5", "items=1-2", "bytes=a-b"]) {
    expect(parseRange(all, 10)).toBeUndefined();
  }
  expect(parseRange("bytes=5-2", 10)).toBe("none");
  expect(parseRange("bytes=-0", 10)).toBe("none");
});
