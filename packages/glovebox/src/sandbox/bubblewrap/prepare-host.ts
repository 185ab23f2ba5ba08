import { accessSync, constants } from "node:fs";
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { nativeTools } from "../native/index.ts";
import { filterFile } from "../seccomp/index.ts";
import type { SupervisorLaunch } from "../supervisor/index.ts";
import type { MountSources } from "./bwrap-argv.ts";
import { FDS, INSIDE } from "./inside.ts";
import type { BubblewrapOptions } from "./options.ts";
import { prepareRootImage, type RootImage, type RootKind } from "./root-image.ts";
import { trustParts } from "./trust.ts";

/** All that is the same for every sandbox on this host. */
export interface PreparedHost {
  readonly bwrap: string;
  readonly launch: (folder: string) => Omit<SupervisorLaunch, "folder">;
  /** What is mounted for one sandbox. */
  readonly mounts: (places: SandboxPlaces) => Promise<SandboxMounts>;
}

/** Host folders of one sandbox. */
export interface SandboxPlaces {
  readonly workspace: string;
  /** Of a sandbox with a network: what it shall trust, if it shall (`writeTrust`). */
  readonly network?: { readonly trust?: string };
  /** With the packages of its template. */
  readonly packages?: string;
}

export interface SandboxMounts {
  /** Where bwrap, as the supervisor starts it, finds what it mounts. */
  readonly sources: MountSources;
  /** Mounts that the supervisor makes in its stage first. */
  readonly binds: readonly (readonly [string, string])[];
}

/** In the stage that a supervisor of root's makes: see `native/supervisor`. */
const STAGED_ROOT = "/image";
const STAGED_WORKSPACE = "/workspace";
const STAGED_NETWORK_ROOT = "/network-image";
const STAGED_TRUST = "/trust";

/** Builds and finds what sandboxes need. Errors: `isolation_unavailable`, saying what is missing. */
export async function prepareHost(
  options: Pick<Required<BubblewrapOptions>, "nativeDir" | "kernelsDir" | "nodePath">,
  asRoot: boolean,
  memoryCounted: boolean,
): Promise<PreparedHost> {
  const bwrap = findBwrap();
  const [tools, image, agentFilter, userFilter] = await Promise.all([
    nativeTools(options.nativeDir),
    mkdir(options.nativeDir, { recursive: true }).then(() => prepareRootImage(options.nativeDir)),
    filterFile("agent", options.nativeDir),
    filterFile(memoryCounted ? "user" : "user-uncounted", options.nativeDir),
  ]);
  const parts: [string, string][] = [
    ...["/usr", ...image.hostDirs].map((dir): [string, string] => [dir, dir]),
    [options.kernelsDir, INSIDE.kernels],
    [options.nodePath, INSIDE.node],
    [tools.agent, INSIDE.agent],
  ];
  const filters = [
    ...["--open", String(FDS.agentFilter), agentFilter],
    ...["--open", String(FDS.userFilter), userFilter],
  ];
  const roots = new Map<RootKind, Promise<RootImage>>();
  const rootFor = (kind: RootKind) => {
    const root = roots.get(kind) ?? prepareRootImage(options.nativeDir, kind);
    roots.set(kind, root);
    root.catch(() => roots.delete(kind));
    return root;
  };
  const stage = asRoot ? stageOptions(parts, image, bwrap) : [];
  return {
    bwrap,
    launch: (folder) => ({
      binary: tools.supervisor,
      listenFd: FDS.listen,
      options: [...filters, ...(asRoot ? ["--stage", folder, ...stage] : [])],
    }),
    mounts: async (places) => {
      const { network } = places;
      const root = network ? await rootFor(network.trust === undefined ? "network" : "trusting") : image;
      return (asRoot ? stagedMounts : plainMounts)(places, root, parts);
    },
  };
}

type Parts = readonly (readonly [source: string, target: string])[];

function plainMounts({ workspace, network, packages }: SandboxPlaces, root: RootImage, parts: Parts): SandboxMounts {
  const trust = network?.trust === undefined ? [] : trustParts(network.trust, root);
  const layer: Parts = packages === undefined ? [] : [[packages, INSIDE.packages]];
  return { sources: { root: root.dir, workspace, parts: [...parts, ...trust, ...layer] }, binds: [] };
}

/** Mounted by the supervisor while it waits, all of it comes along with the root: bwrap is the faster for it. */
function stagedMounts({ workspace, network, packages }: SandboxPlaces, root: RootImage, parts: Parts): SandboxMounts {
  const work = [workspace, STAGED_WORKSPACE] as const;
  const layer: Parts = packages === undefined ? [] : [[packages, STAGED_ROOT + INSIDE.packages]];
  if (!network)
    return { sources: { root: STAGED_ROOT, workspace: STAGED_WORKSPACE, parts: [] }, binds: [work, ...layer] };
  // That a sandbox has a network is known too late for the stage: its root is mounted now, and the parts are moved over.
  const moved = [...parts, ...layer.map(() => ["", INSIDE.packages] as const)].map(
    ([, target]) => [STAGED_ROOT + target, target] as const,
  );
  const trust = network.trust === undefined ? [] : trustParts(STAGED_TRUST, root);
  const trusted = network.trust === undefined ? [] : [[network.trust, STAGED_TRUST] as const];
  return {
    sources: { root: STAGED_NETWORK_ROOT, workspace: STAGED_WORKSPACE, parts: [...moved, ...trust] },
    binds: [work, [root.dir, STAGED_NETWORK_ROOT], ...layer, ...trusted],
  };
}

/** The stage holds what bwrap and its sandbox need, and nothing else of the host. */
function stageOptions(parts: readonly [string, string][], image: RootImage, bwrap: string): string[] {
  const binds = [
    ...["/usr", "/proc", "/dev", ...image.hostDirs].map((dir) => [dir, dir]),
    ...(bwrap.startsWith("/usr/") ? [] : [[bwrap, bwrap]]),
    [image.dir, STAGED_ROOT],
    ...parts.map(([source, target]) => [source, STAGED_ROOT + target]),
  ];
  return [
    ...binds.flatMap(([source, target]) => ["--bind", source ?? "", target ?? ""]),
    ...image.links.flatMap(([name, target]) => ["--link", target, name]),
    // bwrap builds its root over /tmp; the loader reads its cache in /etc.
    ...["--dir", "/tmp", "--link", `${STAGED_ROOT}/etc`, "/etc"],
  ];
}

function findBwrap(): string {
  for (const dir of (process.env.PATH ?? "/usr/bin:/bin").split(delimiter)) {
    const path = join(dir, "bwrap");
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Elsewhere, then.
    }
  }
  throw new GloveboxError("isolation_unavailable", "bubblewrap is not installed: there is no `bwrap` in PATH");
}
