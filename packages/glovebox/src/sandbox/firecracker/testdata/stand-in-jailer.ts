/**
 * Stands in for Firecracker's jailer in tests: takes the same command line and nothing else, makes the same folders, starts what stands in for Firecracker
 * under the session's uid, writes its pid down, and leaves, as with `--new-pid-ns`. It makes no wall: what it starts is the test's own.
 */
import { spawn } from "node:child_process";
import { chownSync, copyFileSync, mkdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

const text = { type: "string" } as const;
const { values, positionals } = parseArgs({
  options: {
    id: text,
    "exec-file": text,
    uid: text,
    gid: text,
    "chroot-base-dir": text,
    netns: text,
    "new-pid-ns": { type: "boolean" },
    "cgroup-version": text,
    "parent-cgroup": text,
    "resource-limit": { type: "string", multiple: true },
  },
  allowPositionals: true,
});

function need(name: "id" | "exec-file" | "uid" | "gid" | "chroot-base-dir" | "netns"): string {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}

const id = need("id");
if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) throw new Error("not an id");
const [uid, gid] = [Number(need("uid")), Number(need("gid"))];
if (!(uid > 0 && uid === gid)) throw new Error("not an unprivileged uid");
if (!values["new-pid-ns"]) throw new Error("a pid namespace is wanted");
if (!["1", "2"].includes(values["cgroup-version"] ?? "")) throw new Error("not a version of cgroups");
if (positionals.join(" ") !== "--api-sock /api.sock") throw new Error(`not for Firecracker: ${positionals.join(" ")}`);
for (const limit of values["resource-limit"] ?? []) {
  if (!/^(fsize|no-file)=\d+$/.test(limit)) throw new Error(`not a limit: ${limit}`);
}
// Of another device than any folder's file: a namespace is mounted there.
if (statSync(need("netns")).dev === statSync(need("chroot-base-dir")).dev) throw new Error("not a namespace");

const program = realpathSync(need("exec-file"));
const root = join(realpathSync(need("chroot-base-dir")), basename(program), id, "root");
mkdirSync(root, { recursive: true });
copyFileSync(program, join(root, basename(program)));
chownSync(root, uid, gid);
const child = spawn(process.execPath, [join(import.meta.dirname, "stand-in-firecracker.ts"), id, root, String(uid)], {
  stdio: "inherit",
});
writeFileSync(join(root, `${basename(program)}.pid`), String(child.pid), { flag: "wx" });
child.unref();
process.exit(0);
