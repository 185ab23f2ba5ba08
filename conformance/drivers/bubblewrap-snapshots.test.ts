import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../packages/glovebox/src/core/index.ts";
import { removeTree, type Sandbox, type SandboxSpec } from "../../packages/glovebox/src/sandbox/index.ts";
import { makeBubblewrapSubject } from "./bubblewrap-subject.ts";
import { type DriverSubject, finish, LIMITS, shell } from "./subject.ts";

// The ordinary user's run of this file may go on at the same time in another process.
let subject: DriverSubject;
beforeAll(() => {
  subject = makeBubblewrapSubject();
});
afterAll(async () => {
  for (const name of readdirSync(subject.baseDir))
    if (name.startsWith("ws-")) await removeTree(join(subject.baseDir, name));
  await subject.dispose();
});

function aSpec(): SandboxSpec {
  const id = newId();
  // Ordinary users have no cgroups everywhere.
  return {
    id,
    workspaceDir: join(subject.baseDir, `ws-${id}`),
    limits: LIMITS,
    allowPartial: true,
    env: {},
    languages: [],
  };
}

async function fresh(): Promise<Sandbox> {
  const spec = aSpec();
  mkdirSync(spec.workspaceDir);
  return subject.driver.create(spec);
}

const folder = () => join(subject.baseDir, `snap-${newId()}`);
async function python(sandbox: Sandbox, code: string): Promise<string> {
  const argv = ["/usr/bin/python3", "-c", code];
  const { stdout, stderr, code: exit } = await finish(await sandbox.spawn({ kind: "program", argv, stdin: "null" }));
  expect(exit, stderr).toBe(0);
  return stdout;
}

/** What code may do to make a copy go wrong. */
const HOSTILE = `
import os, socket, stat
os.makedirs("a/b/c")
for i in range(200): open(f"a/n{i}", "w").write(str(i))
os.link("a/n1", "a/b/hard"); os.link("a/n1", "hard too")
os.symlink("/etc/passwd", "out"); os.symlink("../../../../../etc", "up"); os.symlink("/proc/self/root/etc", "a/proc")
os.symlink("loop", "loop"); os.symlink("x" * 4000, "long target")
os.mkfifo("a/pipe"); socket.socket(socket.AF_UNIX).bind("a/socket")
open("new\\nline \\t%41 'q\\"", "w").write("n"); open(b"not \\xff utf8", "w").write("u"); open("x" * 255, "w").write("x")
with open("sparse", "wb") as f: f.truncate(1 << 34); f.seek(1 << 33); f.write(b"middle")
open("setuid", "w").write("s"); os.chmod("setuid", 0o6755)
open("sticky", "w").write("s"); os.chmod("sticky", 0o1644)
open("unreadable", "w").write("secret"); os.chmod("unreadable", 0)
os.makedirs("closed/below"); open("closed/below/f", "w").write("c"); os.chmod("closed/below", 0o500); os.chmod("closed", 0)
for i, name in enumerate(("a/n5", "a/b", "out")): os.utime(name, (i + 1, i + 1.25), follow_symlinks=False)
os.chmod(".", 0o711)
`;

/** Everything about the workspace that a snapshot keeps, as text. */
const INVENTORY = `
import os, hashlib
opened = []
for name in ("closed", "closed/below", "unreadable"):
    if not os.path.lexists(name): continue
    opened.append((name, os.lstat(name).st_mode & 0o7777)); os.chmod(name, 0o700)
modes = dict(opened)
inodes = {}
def tell(path):
    st = os.lstat(path)
    mode = modes.get(os.fsdecode(path).removeprefix("./"), st.st_mode & 0o7777)
    kind = st.st_mode & 0o170000
    what = ""
    if kind == 0o100000:
        with open(path, "rb") as f:
            h = hashlib.sha256()
            at = 0
            while True:
                try: at = os.lseek(f.fileno(), at, os.SEEK_DATA)
                except OSError: break
                block = os.pread(f.fileno(), 1 << 20, at)
                if block.strip(b"\\0"): h.update(block)
                at += len(block)
        first = inodes.setdefault(st.st_ino, os.fsdecode(path))
        what = f"{st.st_size} {h.hexdigest()[:16]} {st.st_nlink} {first.encode('utf8', 'surrogateescape')}"
    if kind == 0o120000: what = os.readlink(path)
    if kind == 0o140000: return
    seen = "" if os.fsdecode(path).removeprefix("./") in ("closed", "closed/below") else st.st_mtime_ns
    print(os.fsencode(path), oct(kind), oct(mode & 0o1777), seen, what)
tell(b".")
for root, dirs, files in os.walk(b"."):
    dirs.sort()
    for name in sorted(dirs + files): tell(os.path.join(root, name))
for name, mode in reversed(opened): os.chmod(name, mode)
`;

describe("a snapshot of what hostile code made", () => {
  test("holds all of it but sockets and set-uid bits, and nothing of the host's", async () => {
    await using sandbox = await fresh();
    await python(sandbox, HOSTILE);
    const before = await python(sandbox, INVENTORY);
    const dir = folder();
    const { data, kind } = await sandbox.snapshot({ dir });
    expect(kind).toBe("files");
    expect(data).toMatchObject({ skipped: 1 });
    // 16 GiB of nothing take no room.
    expect(Number(data.bytes)).toBeLessThan(100_000);
    const spec = aSpec();
    await using restored = await subject.driver.restore(dir, spec);
    expect(await python(restored, INVENTORY)).toBe(before);
    expect(await shell(restored, "stat -c %a setuid; test -e a/socket")).toMatchObject({ stdout: "755\n", code: 1 });
    const small = readdirSync(join(dir, "objects")).filter((name) => statSync(join(dir, "objects", name)).size < 1e6);
    const contents = small.map((name) => readFileSync(join(dir, "objects", name), "utf8"));
    expect(contents.filter((content) => content.includes("root:x:0"))).toEqual([]);
  });

  test("is refused when folders lie too deep, and leaves nothing; the sandbox goes on", async () => {
    await using sandbox = await fresh();
    await python(sandbox, "import os\nfor i in range(1100): os.mkdir('d'); os.chdir('d')");
    const dir = folder();
    await expect(sandbox.snapshot({ dir })).rejects.toMatchObject({ code: "resource_exhausted" });
    expect(existsSync(dir)).toBe(false);
    expect((await shell(sandbox, "echo on")).stdout).toBe("on\n");
  });

  test("is of one moment, whoever writes meanwhile, and what runs does not end", async () => {
    await using sandbox = await fresh();
    await shell(sandbox, "for i in $(seq 400); do head -c 30000 /dev/urandom > pad$i; done; echo 0 > a; echo 0 > z");
    const loop = "i=0; while :; do i=$((i+1)); for f in a z; do echo $i > t; mv t $f; done; done";
    const writer = await sandbox.spawn({ kind: "program", argv: ["/bin/sh", "-c", loop], stdin: "null" });
    for (let round = 0; round < 3; round += 1) {
      const dir = folder();
      await sandbox.snapshot({ dir });
      await using restored = await subject.driver.restore(dir, aSpec());
      const [a = 0, z = 0] = (await shell(restored, "cat a z")).stdout.trim().split("\n").map(Number);
      expect([z, z + 1]).toContain(a);
    }
    const before = (await shell(sandbox, "cat a")).stdout;
    await expect.poll(async () => (await shell(sandbox, "cat a")).stdout !== before).toBe(true);
    await writer.signal("SIGKILL", "tree");
  });

  test("of many files is whole", { timeout: 120_000 }, async () => {
    await using sandbox = await fresh();
    const make =
      "import os\nfor i in range(5000):\n  if i % 500 == 0: os.mkdir(f'd{i}'); d = f'd{i}'\n  open(f'{d}/{i}', 'w').write(str(i))";
    await python(sandbox, make);
    const { data } = await sandbox.snapshot({ dir: folder() });
    expect(data.entries).toBe(5010);
  });
});

describe("a sandbox from a snapshot", () => {
  test("is not made from one that is damaged, foreign or not there, and nothing is left", async () => {
    await using sandbox = await fresh();
    await shell(sandbox, "echo one > f; echo two > g");
    const damages: [string, (dir: string) => void, string][] = [
      [
        "a changed content",
        (dir) => writeFileSync(join(dir, "objects", readdirSync(join(dir, "objects"))[0] ?? ""), "odd\n"),
        "snapshot_corrupt",
      ],
      [
        "a missing content",
        (dir) => rmSync(join(dir, "objects", readdirSync(join(dir, "objects"))[0] ?? "")),
        "snapshot_corrupt",
      ],
      ["a shorter list", (dir) => truncateSync(join(dir, "tree"), 40), "snapshot_corrupt"],
      [
        "another list",
        (dir) => writeFileSync(join(dir, "tree"), `${readFileSync(join(dir, "tree"), "utf8")}L 0 1.0 / up\n`),
        "snapshot_corrupt",
      ],
      ["no manifest", (dir) => rmSync(join(dir, "manifest.json")), "snapshot_corrupt"],
      [
        "a manifest of something else",
        (dir) => writeFileSync(join(dir, "manifest.json"), "[1]"),
        "snapshot_incompatible",
      ],
      [
        "another isolation",
        (dir) => {
          const manifest = JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8"));
          writeFileSync(join(dir, "manifest.json"), JSON.stringify({ ...manifest, isolation: "gvisor" }));
        },
        "snapshot_incompatible",
      ],
      ["nothing at all", (dir) => rmSync(dir, { recursive: true }), "snapshot_corrupt"],
    ];
    for (const [what, damage, code] of damages) {
      const dir = folder();
      await sandbox.snapshot({ dir });
      damage(dir);
      const spec = aSpec();
      await expect(subject.driver.restore(dir, spec), what).rejects.toMatchObject({ code });
      expect(existsSync(spec.workspaceDir), what).toBe(false);
      expect(existsSync(`${spec.workspaceDir}.part`), what).toBe(false);
    }
  });

  test("is not made over files that are there, nor through a link", async () => {
    await using sandbox = await fresh();
    const dir = folder();
    await sandbox.snapshot({ dir });
    await expect(sandbox.snapshot({ dir })).rejects.toMatchObject({ code: "already_exists" });
    await expect(sandbox.snapshot({ dir: folder(), kind: "memory" })).rejects.toMatchObject({
      code: "not_supported_by_isolation",
    });
    const taken = aSpec();
    mkdirSync(taken.workspaceDir);
    writeFileSync(join(taken.workspaceDir, "mine"), "");
    await expect(subject.driver.restore(dir, taken)).rejects.toMatchObject({ code: "already_exists" });
    expect(readdirSync(taken.workspaceDir)).toEqual(["mine"]);
    const linked = aSpec();
    symlinkSync(taken.workspaceDir, linked.workspaceDir);
    await expect(subject.driver.restore(dir, linked)).rejects.toMatchObject({ code: "already_exists" });
    expect(readdirSync(taken.workspaceDir)).toEqual(["mine"]);
    rmSync(linked.workspaceDir);
  });

  test("has files that it may change, and shares nothing with the parent or the snapshot", async () => {
    await using sandbox = await fresh();
    await shell(sandbox, "echo parent > f; mkdir d");
    const dir = folder();
    await sandbox.snapshot({ dir });
    await using restored = await subject.driver.restore(dir, aSpec());
    expect(await shell(restored, "echo child > f; rmdir d; touch e")).toMatchObject({ code: 0 });
    expect((await shell(sandbox, "cat f; ls")).stdout).toBe("parent\nd\nf\n");
    await using again = await subject.driver.restore(dir, aSpec());
    expect((await shell(again, "cat f; ls")).stdout).toBe("parent\nd\nf\n");
  });
});

test("a fork is all or none, and the parent goes on", async () => {
  await using sandbox = await fresh();
  await shell(sandbox, "echo x > f");
  const specs = [aSpec(), aSpec()];
  const { sandboxes, path, silentMs } = await sandbox.fork(specs);
  expect(path).toBe("copied");
  expect(silentMs).toBeGreaterThan(0);
  expect(sandboxes.map(({ id }) => id)).toEqual(specs.map(({ id }) => id));
  for (const child of sandboxes) expect((await shell(child, "cat f")).stdout).toBe("x\n");
  const bad = [aSpec(), aSpec()];
  const before = await subject.leftovers();
  mkdirSync(join(bad[1]?.workspaceDir ?? "", "in the way"), { recursive: true });
  await expect(sandbox.fork(bad)).rejects.toMatchObject({ code: "already_exists" });
  expect(await subject.leftovers()).toEqual(before);
  expect(readdirSync(subject.baseDir).filter((name) => name.includes(".fork-"))).toEqual([]);
  expect((await shell(sandbox, "cat f")).stdout).toBe("x\n");
  await Promise.all(sandboxes.map((child) => child.destroy()));
});

describe("a sandbox that is paused", () => {
  const TICKS = "i=0; while :; do i=$((i+1)); echo $i > t; mv t ticks; done";
  const ticks = (dir: string) => readFileSync(join(dir, "ticks"), "utf8");

  test("stands still until it is resumed, and can be frozen and destroyed meanwhile", async () => {
    const spec = aSpec();
    mkdirSync(spec.workspaceDir);
    await using sandbox = await subject.driver.create(spec);
    await sandbox.spawn({ kind: "program", argv: ["/bin/sh", "-c", TICKS], stdin: "null" });
    await expect.poll(() => existsSync(join(spec.workspaceDir, "ticks"))).toBe(true);
    await expect(sandbox.pause({ release: true })).rejects.toMatchObject({ code: "not_supported_by_isolation" });
    await sandbox.pause();
    await sandbox.pause();
    const then = ticks(spec.workspaceDir);
    await sandbox.snapshot({ dir: folder() });
    expect(ticks(spec.workspaceDir)).toBe(then);
    await sandbox.resume();
    await expect.poll(() => ticks(spec.workspaceDir) !== then).toBe(true);
    await sandbox.pause();
    await sandbox.destroy();
    expect((await subject.leftovers()).filter((line) => line.includes(sandbox.id))).toEqual([]);
  });

  test("goes on when the next server attaches to it", async () => {
    const spec = aSpec();
    mkdirSync(spec.workspaceDir);
    const sandbox = await subject.driver.create(spec);
    await sandbox.spawn({ kind: "program", argv: ["/bin/sh", "-c", TICKS], stdin: "null" });
    await expect.poll(() => existsSync(join(spec.workspaceDir, "ticks"))).toBe(true);
    await sandbox.pause();
    await sandbox.detach();
    const then = ticks(spec.workspaceDir);
    await using next = subject.again();
    await using taken = await next.attach(sandbox.record);
    await expect.poll(() => ticks(spec.workspaceDir) !== then).toBe(true);
    expect((await taken.snapshot({ dir: folder() })).kind).toBe("files");
  });
});
