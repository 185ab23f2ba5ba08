import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isGloveboxError } from "../../packages/glovebox/src/core/index.ts";
import { tarOf } from "../../packages/glovebox/src/sandbox/agent/tar-fixture.ts";
import { makeSandbox, python, shell } from "../drivers/subject.ts";
import { useBubblewrap } from "./stage.ts";

const context = useBubblewrap();
const RACE_MS = 2_500;
const WITHIN = { within: "workspace" } as const;

/** In the sandbox: `d` and `deep/d` are by turns a folder and a link out, as fast as the kernel swaps them. */
const SWAPPER = `
import ctypes, os, sys
libc = ctypes.CDLL(None)
os.chdir("/workspace")
os.makedirs("/tmp/outside", exist_ok=True)
open("/tmp/outside/secret", "w").write("OUTSIDE")
open("/tmp/outside/outside-only", "w").write("OUTSIDE")
open("/workspace/hard", "w").write("inside")
pairs = []
targets = ["/tmp/outside", sys.argv[1], "/proc/1/root/tmp/outside", "../../../../.." + sys.argv[1], "../tmp/outside"]
for folder in ("", "deep/"):
    if folder: os.makedirs(folder, exist_ok=True)
    os.makedirs(folder + "d", exist_ok=True)
    open(folder + "d/secret", "w").write("inside")
    for i, target in enumerate(targets):
        os.symlink(target, folder + f"l{i}")
        pairs.append((folder.encode() + b"d", folder.encode() + b"l%d" % i))
os.symlink("/tmp/outside/secret", "fl")
open("f", "w").write("inside")
print("racing", flush=True)
while True:
    for a, b in pairs:
        libc.renameat2(-100, a, -100, b, 2)
        libc.renameat2(-100, a, -100, b, 2)
    libc.renameat2(-100, b"f", -100, b"fl", 2)
    libc.renameat2(-100, b"f", -100, b"fl", 2)
`;

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts).toString("latin1");
}

/** What went wrong is no matter, as long as it is one of the domain's errors; how often it went well is counted. */
async function attempt(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!isGloveboxError(error)) throw error;
    expect(["not_found", "invalid_path", "already_exists", "permission_denied", "invalid_argument"]).toContain(
      error.code,
    );
    return false;
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

test("links swapped under the host's hands lead no file operation out", { timeout: 60_000 }, async () => {
  const outside = join(context().subject.baseDir, "outside-of-all");
  await mkdir(outside, { mode: 0o777 });
  await writeFile(join(outside, "secret"), "OUTSIDE", { mode: 0o666 });
  await writeFile(join(outside, "outside-only"), "OUTSIDE", { mode: 0o666 });
  await using sandbox = await makeSandbox(context());
  const argv = ["/usr/bin/python3", "-c", SWAPPER, outside];
  const swapper = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
  for await (const item of swapper.output()) {
    if (item.kind === "output" && Buffer.from(item.data).includes("racing")) break;
    if (item.kind === "exit") throw new Error(`the swapper ended: ${JSON.stringify(item.exit)}`);
  }
  const { files } = sandbox;
  const seen = new Map<string, { well: number; refused: number }>();
  const until = performance.now() + RACE_MS;
  const repeat = async (name: string, work: () => Promise<void>) => {
    const counts = { well: 0, refused: 0 };
    seen.set(name, counts);
    while (performance.now() < until) {
      if (await attempt(work)) counts.well += 1;
      else counts.refused += 1;
    }
  };
  const archive = tarOf([
    { name: "d/unpacked", content: "from the host" },
    { name: "d/secret", content: "inside" },
    { name: "deep/d/unpacked", content: "from the host" },
  ]);
  await Promise.all([
    repeat("read", async () => expect(await collect(files.read("d/secret", WITHIN))).not.toContain("OUTSIDE")),
    repeat("read a file", async () => expect(await collect(files.read("f", WITHIN))).not.toContain("OUTSIDE")),
    repeat("read deep", async () =>
      expect(await collect(files.read("deep/d/secret", WITHIN))).not.toContain("OUTSIDE"),
    ),
    repeat("write", async () => void (await files.write("d/written", Buffer.from("from the host"), WITHIN))),
    repeat("write a file", async () => void (await files.write("f", Buffer.from("inside"), WITHIN))),
    repeat("append", async () => void (await files.write("d/appended", Buffer.from("x"), { ...WITHIN, append: true }))),
    repeat("make parents", async () => {
      await files.write("deep/d/new/er/file", Buffer.from("from the host"), { ...WITHIN, parents: true });
    }),
    repeat("stat", async () => void (await files.stat("d/outside-only", WITHIN))),
    repeat("pack", async () => expect(await collect(files.pack("."))).not.toContain("OUTSIDE")),
    repeat("list", async () => {
      for await (const { path } of files.list(".", { recursive: true })) expect(path).not.toContain("outside-only");
    }),
    repeat("unpack", async () => void (await files.unpack(".", once(archive)))),
    repeat("remove", async () => {
      await shell(sandbox, "mkdir -p gone/d; ln -sfn /tmp/outside gone/l");
      await files.remove("gone", { recursive: true });
    }),
  ]);
  await swapper.signal("SIGKILL", "tree");
  swapper.release();

  // The race was one: most operations went well at times, and found the link at others.
  expect(seen.get("stat")?.well).toBe(0);
  for (const name of ["read", "read a file", "write", "pack"]) {
    expect(seen.get(name)?.well, `${name} ${JSON.stringify([...seen])}`).toBeGreaterThan(0);
  }
  expect([...seen.values()].reduce((sum, { refused }) => sum + refused, 0)).toBeGreaterThan(10);
  expect((await readdir(outside)).sort()).toEqual(["outside-only", "secret"]);
  expect(await readFile(join(outside, "secret"), "utf8")).toBe("OUTSIDE");
  expect((await shell(sandbox, "ls /tmp/outside; cat /tmp/outside/*")).stdout).toBe(
    "outside-only\nsecret\nOUTSIDEOUTSIDE",
  );
});

test("what the code makes of its workspace is removed by the host without leaving it", async () => {
  const outside = join(context().subject.baseDir, "kept");
  await mkdir(outside, { mode: 0o777 });
  await writeFile(join(outside, "file"), "kept");
  const { removeWorkspace } = await import("../../packages/glovebox/src/sessions/lifecycle/workspace.ts");
  const sandbox = await makeSandbox(context());
  const traps = `
import os, socket, sys
os.chdir("/workspace")
os.symlink(${JSON.stringify(outside)}, "link")
os.mkdir("closed"); open("closed/f", "w").close(); os.symlink(${JSON.stringify(outside)}, "closed/link"); os.chmod("closed", 0)
os.mkfifo("fifo"); s = socket.socket(socket.AF_UNIX); s.bind("socket")
deep = "x" * 200
for _ in range(60):
    os.mkdir(deep); os.chdir(deep)
os.chdir("/workspace")
open(b"name\\xff\\n", "w").close()
print("set")`;
  expect(await python(sandbox, traps)).toMatchObject({ stdout: "set\n", stderr: "" });
  await sandbox.destroy();
  await removeWorkspace(sandbox.workspaceDir);
  await expect(readdir(sandbox.workspaceDir)).rejects.toMatchObject({ code: "ENOENT" });
  expect(await readFile(join(outside, "file"), "utf8")).toBe("kept");
});
