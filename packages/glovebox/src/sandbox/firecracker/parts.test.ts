import { existsSync } from "node:fs";
import { chown, link, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../core/index.ts";
import { bootArguments, guestProcessors } from "./guest-words.ts";
import { Jail } from "./jail.ts";
import { jailerArgv } from "./jailer-argv.ts";
import { decodeRecord, encodeRecord, type FirecrackerState } from "./record.ts";
import { unifiedPath } from "./unified-path.ts";

const SPEC = {
  jailer: "/opt/jailer",
  firecracker: "/opt/firecracker",
  id: "0192-a",
  uid: 2_000_001,
  base: "/run/jail",
  netns: "/run/network",
  mostFileBytes: 1_000,
};

describe("the jailer's command line", () => {
  test("with version 1 of cgroups it is moved nowhere", () => {
    expect(jailerArgv(SPEC)).toEqual([
      ...["/opt/jailer", "--id", "0192-a", "--exec-file", "/opt/firecracker", "--uid", "2000001", "--gid", "2000001"],
      ...["--chroot-base-dir", "/run/jail", "--netns", "/run/network", "--new-pid-ns", "--cgroup-version", "1"],
      ...["--resource-limit", "fsize=1000", "--resource-limit", "no-file=512", "--", "--api-sock", "/api.sock"],
    ]);
  });

  test("with version 2 it is told where it is already", () => {
    const argv = jailerArgv({ ...SPEC, unifiedCgroup: "glovebox/x" });
    const at = argv.indexOf("--cgroup-version");
    expect(argv.slice(at, at + 4)).toEqual(["--cgroup-version", "2", "--parent-cgroup", "glovebox/x"]);
    expect(argv).not.toContain("--cgroup");
  });

  test("the path of a cgroup is told from the first mount of version 2", () => {
    const line = (root: string, at: string, type: string) => `1 2 0:3 ${root} ${at} rw - ${type} none rw`;
    const place = (version: 1 | 2, dir: string) => ({ version, controllers: [], dir, origin: "/" });
    const mounts = [line("/", "/sys/fs/cgroup/pids", "cgroup"), line("/", "/sys/fs/cgroup/unified", "cgroup2")].join(
      "\n",
    );
    expect(unifiedPath([place(1, "/x"), place(2, "/sys/fs/cgroup/unified/glovebox/a")], mounts)).toBe("glovebox/a");
    expect(unifiedPath([place(1, "/sys/fs/cgroup/pids/a")], mounts)).toBeUndefined();
    expect(unifiedPath([place(2, "/elsewhere/a")], mounts)).toBeUndefined();
    expect(unifiedPath([place(2, "/sys/fs/cgroup/unified/a")], line("/", "/x", "cgroup"))).toBeUndefined();
  });
});

test("a guest has one processor, or an even number", () => {
  expect([0, 1, 2, 3, 5, 31, 33, 64].map(guestProcessors)).toEqual([1, 1, 2, 4, 6, 32, 32, 32]);
});

test("the words of the kernel come before those of init, and keep the mitigations", () => {
  const words = bootArguments(["memory=1", "vsock=1024"]);
  expect(words).toMatch(/ reboot=k .* -- memory=1 vsock=1024$/);
  expect(words).not.toContain("mitigations=off");
});

describe("records", () => {
  const state: FirecrackerState = {
    supervisor: { pid: 7, startTime: 1, bootId: "b" },
    cgroups: [],
    uid: 2_000_001,
    program: "firecracker-v1.17.0",
    workspaceDir: "/w",
    limits: { cpus: 1, memoryMb: 1, pids: 1, openFiles: 1, diskMb: 1 },
    limitsApplied: [],
    env: { A: "b" },
    network: false,
    shape: { cpus: 1, ramMb: 1, words: ["vsock=1024"], image: { name: "base", id: "0" } },
  };

  test("come back as they were", () => {
    const id = newId();
    expect(decodeRecord(JSON.parse(JSON.stringify(encodeRecord(id, state))))).toEqual(state);
  });

  test("that are not ours are refused", () => {
    const wrong: Record<string, unknown>[] = [
      { uid: 0 },
      { uid: "1" },
      { program: "../../etc" },
      { supervisor: { ...state.supervisor, pid: 1 } },
      { cgroups: [{}] },
      { env: { A: 1 } },
      { limits: { ...state.limits, diskMb: -1 } },
      { shape: { ...state.shape, words: ["init=/bin/sh"] } },
      { shape: null },
      { network: undefined },
    ];
    for (const part of wrong) {
      const record = encodeRecord(newId(), { ...state, ...part } as FirecrackerState);
      expect(() => decodeRecord(record), JSON.stringify(part)).toThrow(/not that of a Firecracker/);
    }
    expect(() => decodeRecord({ ...encodeRecord(newId(), state), isolation: "microvm" })).toThrow();
    expect(() => decodeRecord(encodeRecord("../x", state))).toThrow();
  });
});

describe("a jail whose owner is hostile", () => {
  const uid = process.getuid?.() ?? 0;
  let folder: string;
  let jail: Jail;
  let server: Server | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "glovebox-jail-"));
    jail = new Jail(join(folder, "root"), uid);
    await jail.make();
  });
  afterEach(async () => {
    server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const at = (name: string) => join(jail.root, name);
  const target = () => join(folder, "taken");

  test("leads nobody by a link", async () => {
    await writeFile(join(folder, "secret"), "secret");
    await symlink(join(folder, "secret"), at("saved-memory"));
    await expect(jail.copyOut("saved-memory", target(), 100)).rejects.toMatchObject({ code: "internal" });
    await expect(jail.takeOut("saved-memory", target(), 100)).rejects.toMatchObject({ code: "internal" });
    expect(existsSync(target())).toBe(false);
    expect(await readFile(join(folder, "secret"), "utf8")).toBe("secret");
    await rm(at("log"));
    await symlink(join(folder, "secret"), at("log"));
    expect(await jail.log()).toBe("");
  });

  test("gives no file that has another name, is too long, or is none", async () => {
    await writeFile(at("saved-state"), "state");
    await link(at("saved-state"), at("another"));
    await expect(jail.takeOut("saved-state", target(), 100)).rejects.toMatchObject({ code: "internal" });
    await writeFile(at("saved-state"), "too long");
    await expect(jail.takeOut("saved-state", target(), 4)).rejects.toMatchObject({ code: "internal" });
    await writeFile(at("saved-state"), "too long");
    await expect(jail.copyOut("saved-state", target(), 4)).rejects.toMatchObject({ code: "internal" });
    await expect(jail.copyOut("saved-memory", target(), 4)).rejects.toMatchObject({ code: "internal" });
    expect(existsSync(target())).toBe(false);
  });

  test("gives what is as it should be, read-only", async () => {
    await writeFile(at("saved-state"), "state");
    await jail.takeOut("saved-state", target(), 5);
    expect(await readFile(target(), "utf8")).toBe("state");
    expect((await stat(target())).mode & 0o777).toBe(0o444);
    expect(existsSync(at("saved-state"))).toBe(false);
  });

  test("has no socket but its own", async () => {
    const ask = () => jail.lend("api.sock", async (path) => path);
    await expect(ask()).rejects.toMatchObject({ code: "unavailable" });
    await writeFile(at("api.sock"), "");
    await expect(ask()).rejects.toMatchObject({ code: "unavailable" });
    await rm(at("api.sock"));
    server = createServer().listen(at("real.sock"));
    await new Promise((resolve) => server?.once("listening", resolve));
    await symlink("real.sock", at("api.sock"));
    await expect(ask()).rejects.toMatchObject({ code: "unavailable" });
    await rm(at("api.sock"));
    await link(at("real.sock"), at("api.sock"));
    expect(await ask()).toMatch(/^\/proc\/self\/fd\/\d+$/);
    if (uid !== 0) return;
    await chown(at("api.sock"), 12_345, 12_345);
    await expect(ask()).rejects.toMatchObject({ code: "unavailable" });
  });

  test("shares what it may only read, and copies what is not read-only to it", async () => {
    const [shared, open] = [join(folder, "shared"), join(folder, "open")];
    await writeFile(shared, "shared", { mode: 0o644 });
    await writeFile(open, "open", { mode: 0o600 });
    const stranger = new Jail(jail.root, uid + 1);
    await stranger.share(shared, "kernel");
    await stranger.share(open, "tools");
    expect((await stat(at("kernel"))).ino).toBe((await stat(shared)).ino);
    expect((await stat(at("tools"))).ino).not.toBe((await stat(open)).ino);
    expect((await stat(at("tools"))).mode & 0o777).toBe(0o444);
    // A file of the session's own uid could be made writable by it.
    await jail.share(shared, "root");
    expect((await stat(at("root"))).ino).not.toBe((await stat(shared)).ino);
  });
});
