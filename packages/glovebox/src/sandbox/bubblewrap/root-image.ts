import { createHash, randomBytes } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, mkdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { INSIDE } from "./inside.ts";

type Entry =
  | { readonly kind: "dir" }
  | { readonly kind: "file"; readonly data: Buffer }
  | { readonly kind: "link"; readonly target: string };

/** The folder that becomes a sandbox's read-only `/`, and what of the host is mounted into it besides `/usr`. */
export interface RootImage {
  readonly dir: string;
  /** Host folders beside `/usr` where the host has no merged `/usr`. */
  readonly hostDirs: readonly string[];
  /** Links of the host's root into `/usr`: name and target. */
  readonly links: readonly (readonly [name: string, target: string])[];
  /** Whether there is a file at `INSIDE.systemBundle`. */
  readonly systemBundle: boolean;
}

/**
 * What an image is for: sandboxes without a network, with one, or with one and an authority to trust. The latter two say where to ask for
 * names, and have the host's certificate authorities; the last has places for ours.
 */
export type RootKind = "closed" | "network" | "trusting";

export interface RootExtra {
  /** Paths inside at which files will be mounted. */
  readonly programs: readonly string[];
  /** Files of `/etc`: name and text. */
  readonly etc: Readonly<Record<string, string>>;
  /** Paths inside at which folders will be mounted. */
  readonly folders: readonly string[];
  /** Links of `/etc` in place of files: name and target. */
  readonly etcLinks: Readonly<Record<string, string>>;
}

const LIB_DIRS = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
const MOUNT_POINTS = ["usr", "proc", "dev", "tmp", "workspace", "glovebox/kernels", INSIDE.packages.slice(1)];

/**
 * Makes `<nativeDir>/root-<hash>` unless it is there: mount points, links and an `/etc` with what programs need and
 * nothing that tells about the host. Named by its content, so that an upgrade leaves live sandboxes alone. `extra` is what
 * another driver needs beside that.
 */
export async function prepareRootImage(
  nativeDir: string,
  kind: RootKind = "closed",
  extra: RootExtra = { programs: [], etc: {}, folders: [], etcLinks: {} },
): Promise<RootImage> {
  const entries = new Map<string, Entry>();
  for (const path of MOUNT_POINTS) entries.set(path, { kind: "dir" });
  for (const path of [INSIDE.node, INSIDE.agent, ...extra.programs]) entries.set(path.slice(1), empty());
  for (const path of ["/run", ...extra.folders]) entries.set(path.slice(1), { kind: "dir" });
  // Where Node looks last, for modules of every kind; it leads nowhere in sandboxes without packages.
  entries.set("node_modules", { kind: "link", target: `${INSIDE.packages}/node/node_modules` });
  entries.set("var/tmp", { kind: "link", target: "/tmp" });
  const links: [string, string][] = [];
  const hostDirs: string[] = [];
  for (const name of LIB_DIRS) {
    const target = linkTarget(`/${name}`);
    if (target !== undefined) {
      links.push([`/${name}`, target]);
      entries.set(name, { kind: "link", target });
    } else if (isDir(`/${name}`)) {
      hostDirs.push(`/${name}`);
      entries.set(name, { kind: "dir" });
    }
  }
  for (const [name, text] of Object.entries({ ...etcFiles(), ...extra.etc })) {
    entries.set(`etc/${name}`, { kind: "file", data: Buffer.from(text) });
  }
  for (const [name, target] of Object.entries(extra.etcLinks)) entries.set(`etc/${name}`, { kind: "link", target });
  addHostEtc(entries);
  if (kind !== "closed") addNetworkEtc(entries);
  if (kind === "trusting") entries.set(INSIDE.authority.slice(1), empty());
  const hasBundle = entries.has(INSIDE.systemBundle.slice(1));
  return { dir: await materialise(entries, nativeDir), hostDirs, links, systemBundle: hasBundle };
}

const empty = (): Entry => ({ kind: "file", data: Buffer.alloc(0) });

/** The resolver is the agent's. */
function addNetworkEtc(entries: Map<string, Entry>): void {
  const text = (data: string): Entry => ({ kind: "file", data: Buffer.from(data) });
  entries.set("etc/resolv.conf", text("nameserver 127.0.0.1\n"));
  entries.set("etc/nsswitch.conf", text(etcFiles()["nsswitch.conf"].replace("hosts: files", "hosts: files dns")));
  const bundle = systemBundle();
  entries.set(INSIDE.caBundle.slice(1), bundle ? { kind: "file", data: bundle } : empty());
  if (bundle) entries.set(INSIDE.systemBundle.slice(1), { kind: "file", data: bundle });
}

/** The host's certificate authorities. */
export function systemBundle(): Buffer | undefined {
  try {
    return readFileSync(INSIDE.systemBundle);
  } catch {
    return undefined;
  }
}

function etcFiles() {
  const { uid, gid, user, workspace, hostname } = INSIDE;
  return {
    passwd: `root:x:0:0:root:/root:/usr/sbin/nologin\n${user}:x:${uid}:${gid}:${user}:${workspace}:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
    group: `root:x:0:\n${user}:x:${gid}:\nnogroup:x:65534:\n`,
    hosts: `127.0.0.1 localhost ${hostname}\n::1 localhost ${hostname}\n`,
    hostname: `${hostname}\n`,
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\n",
    "host.conf": "multi on\n",
    shells: "/bin/sh\n/bin/bash\n",
  };
}

/** The loader's cache and the alternatives (links such as /usr/bin/awk go through them) are the host's own. */
function addHostEtc(entries: Map<string, Entry>): void {
  for (const name of [
    "ld.so.cache",
    "ld.so.conf",
    "services",
    "protocols",
    "mime.types",
    "matplotlibrc",
    "fonts/fonts.conf",
  ]) {
    try {
      entries.set(`etc/${name}`, { kind: "file", data: readFileSync(`/etc/${name}`) });
    } catch {
      // Programs do without it.
    }
  }
  let names: string[] = [];
  try {
    names = readdirSync("/etc/alternatives");
  } catch {
    // Not a Debian.
  }
  for (const name of names) {
    const target = linkTarget(`/etc/alternatives/${name}`);
    if (target !== undefined) entries.set(`etc/alternatives/${name}`, { kind: "link", target });
  }
}

async function materialise(entries: ReadonlyMap<string, Entry>, nativeDir: string): Promise<string> {
  const hash = createHash("sha256");
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [path, entry] of sorted) {
    hash.update(JSON.stringify([path, entry.kind, entry.kind === "link" ? entry.target : ""]));
    if (entry.kind === "file") hash.update(`${entry.data.length}:`).update(entry.data);
  }
  const dir = join(nativeDir, `root-${hash.digest("hex").slice(0, 16)}`);
  if (await stat(dir).catch(() => undefined)) return dir;
  const partial = `${dir}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    for (const [path, entry] of sorted) {
      const full = join(partial, path);
      await mkdir(entry.kind === "dir" ? full : dirname(full), { recursive: true, mode: 0o755 });
      if (entry.kind === "link") await symlink(entry.target, full);
      if (entry.kind === "file") await writeFile(full, entry.data, { mode: 0o644 });
    }
    await chmod(partial, 0o755);
    await rename(partial, dir);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Another process was faster.
    if (!(await stat(dir).catch(() => undefined))) throw error;
  }
  return dir;
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isDir(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}
