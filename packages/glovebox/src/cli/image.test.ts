import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox, type ImageProgress } from "@glovebox/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../../../../test/support/server.ts";
import { tarOf } from "../sandbox/agent/tar-fixture.ts";
import { missingTools, writeLayout } from "../sandbox/images/testing.ts";
import { type CliOptions, cli } from "./testing/cli.ts";
import { onTerminal } from "./testing/terminal.ts";

const missing = missingTools();
let folder: string;
let server: TestServer;
let box: Glovebox;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-cli-images-"));
  const definitions = join(folder, "definitions");
  mkdirSync(definitions);
  writeFileSync(join(definitions, "plain.yaml"), "description: nothing but Debian");
  writeFileSync(join(definitions, "broken.yaml"), "packages: [--evil]");
  const env = {
    GLOVEBOX_IMAGES_DIR: join(folder, "images"),
    GLOVEBOX_IMAGES_DEFINITIONS_DIR: definitions,
    GLOVEBOX_IMAGES_MAX_MB: "8",
    GLOVEBOX_PACKAGES_APT_SOURCES_FILE: join(folder, "sources"),
  };
  packagesFrom(9);
  server = await startServer({ env });
  box = await Glovebox.connect({ url: server.url, token: server.token });
  const members = [{ name: "bin/bash", content: "#!", mode: 0o755 }];
  writeLayout(join(folder, "layout"), { layers: [tarOf(members)], reference: "tiny" });
  writeFileSync(join(folder, "layout", "notes.txt"), "not sent");
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(({ skip }) => {
  if (missing) skip(missing);
});

/** The next build asks a port of this machine for Debian's packages: on 9 nobody answers. */
function packagesFrom(port: number): void {
  writeFileSync(join(folder, "sources"), `deb http://127.0.0.1:${port}/debian stable main\n`);
}

const glovebox = (args: readonly string[], options: CliOptions = {}) =>
  cli(args, { ...options, env: { GLOVEBOX_DATA: server.dataDir, ...options.env } });

describe("images by the command line", () => {
  test("come from a folder or an archive, are listed, shown, exported, and removed when that is meant", async () => {
    const imported = await glovebox(["image", "import", join(folder, "layout"), "--json"]);
    expect(imported.stderr).toBe("");
    const tiny = JSON.parse(imported.stdout);
    expect(tiny).toMatchObject({ name: "tiny", origin: "import", languages: ["bash"] });
    expect(tiny.rootfs).toBeUndefined();
    const file = join(folder, "tiny.tar");
    expect((await glovebox(["image", "export", "tiny", file])).stdout).toMatch(/tiny\.tar\t/);
    const taken = await glovebox(["image", "import", file]);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringMatching(/there is an image 'tiny'/) });
    expect((await glovebox(["image", "import", file, "--replace"])).stdout).toContain(tiny.id);
    expect((await glovebox(["image", "import", file, "--name", "other", "--json"])).stdout).toContain(tiny.id);

    const rows = (await glovebox(["image", "list"])).stdout.trim().split("\n");
    expect(rows.map((row) => row.split("\t").slice(0, 2))).toEqual([
      ["broken", "broken"],
      ["other", "ready"],
      ["plain", "absent"],
      ["tiny", "ready"],
    ]);
    expect((await glovebox(["image", "show", "broken"])).stdout).toMatch(/Debian package/);
    expect((await glovebox(["image", "show", "tiny"])).stdout).toContain(`id\t${tiny.id}`);
    expect(await glovebox(["image", "remove", "tiny"])).toMatchObject({ code: 2 });
    expect((await glovebox(["image", "remove", "tiny", "--yes"])).stdout).toBe("tiny\tdeleted\n");
    expect(await glovebox(["image", "show", "tiny"])).toMatchObject({ code: 3 });
    expect(readdirSync(join(server.dataDir, "tmp"))).toEqual([]);
  });

  test("are built with a log in a pipe and a bar on a terminal; a failure says why", async () => {
    const env = { GLOVEBOX_DATA: server.dataDir };
    const logged = await glovebox(["image", "build", "plain"], { env });
    expect(logged.code).toBe(5);
    expect(logged.stderr).toMatch(/running apt-get update[\s\S]*127\.0\.0\.1:9[\s\S]*mmdebstrap failed/);
    const shown = await onTerminal(["image", "build", "plain"], env, []);
    expect(shown.text).toMatch(/building plain {2}\[█* *\] \d+% {2}/);
    expect(shown.text).toContain("mmdebstrap failed");
    expect(shown.text).not.toContain("automatically chosen mode");
    expect((await onTerminal(["image", "build", "plain", "--log"], env, [])).text).toContain(
      "automatically chosen mode",
    );
    expect(await glovebox(["image", "build", "none"])).toMatchObject({ code: 3, stdout: "" });
  });
});

describe("images by the SDK", () => {
  test("a build that its asker leaves is ended", async () => {
    const asked = Promise.withResolvers<void>();
    // Takes connections, and says nothing.
    await using silent = createServer((socket) => {
      socket.resume().on("error", () => {});
      asked.resolve();
    });
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    packagesFrom((silent.address() as AddressInfo).port);
    const stop = new AbortController();
    const stages: ImageProgress[] = [];
    const building = box.images.build("plain", {
      signal: stop.signal,
      onProgress: (progress) => stages.push(progress),
    });
    const ended = expect(building).rejects.toThrow();
    const left = () => readdirSync(join(folder, "images", "building"));
    await asked.promise;
    expect(left()).toHaveLength(1);
    stop.abort();
    await ended;
    expect(stages.at(-1)).toMatchObject({ stage: "reading package lists", line: expect.any(String) });
    await expect.poll(left, { timeout: 30_000 }).toEqual([]);
    expect(await box.images.get("plain")).toMatchObject({ state: "absent" });
  });

  test("bombs and noise are refused, and only the root token may change what all share", async () => {
    const zeros = Buffer.alloc(16 * 1_048_576);
    const code = "payload_too_large";
    await expect(box.images.import(zeros, { name: "zeros" })).rejects.toMatchObject({ code });
    await expect(box.images.import("noise", { name: "zeros" })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(box.images.export("plain")).rejects.toMatchObject({ code: "not_found" });
    await expect(box.images.build("broken")).rejects.toMatchObject({ code: "invalid_argument" });
    const { secret } = await box.tokens.create({ name: "admin", roles: ["admin"] });
    const admin = await Glovebox.connect({ url: server.url, token: secret });
    expect((await admin.images.list()).items.map(({ name }) => name)).toContain("plain");
    for (const refused of [
      () => admin.images.build("plain"),
      () => admin.images.delete("plain"),
      () => admin.images.import("noise"),
    ]) {
      await expect(refused()).rejects.toMatchObject({ code: "permission_denied" });
    }
    expect(existsSync(join(folder, "images", "contents", "zeros"))).toBe(false);
  });
});
