import { mkdir } from "node:fs/promises";
import { INSIDE } from "../bubblewrap/inside.ts";
import { prepareRootImage, type RootImage, type RootKind } from "../bubblewrap/root-image.ts";
import { trustParts } from "../bubblewrap/trust.ts";
import { nativeProgram, nativeTools } from "../native/index.ts";
import { filterFile } from "../seccomp/index.ts";
import type { SupervisorLaunch } from "../supervisor/index.ts";
import type { GvisorOptions } from "./options.ts";
import { COMMANDS_NAME, COMPAT, ENTRY, HOST_FDS, NAMES, STAGE } from "./places.ts";
import { choosePlatform, findRunsc, type Platform, runscVersion } from "./runsc.ts";

/** All that is the same for every sandbox on this host. */
export interface PreparedHost {
  readonly nativeDir: string;
  readonly runsc: string;
  readonly version: string;
  readonly platform: Platform;
  /** What of ours runs inside, and the root: each named by its content. */
  readonly programs: readonly string[];
  /** `native/gvisor-host.c`, compiled. */
  readonly starter: string;
  readonly launch: (folder: string) => Omit<SupervisorLaunch, "folder">;
  readonly mounts: (places: SandboxPlaces) => Promise<SandboxMounts>;
}

/** Host folders of one sandbox. */
export interface SandboxPlaces {
  readonly workspace: string;
  readonly bundle: string;
  readonly exchange: string;
  /** Of a sandbox with a network: what it shall trust, if it shall (`writeTrust`). */
  readonly network?: { readonly trust?: string };
  /** With the packages of its template. */
  readonly packages?: string;
}

export interface SandboxMounts {
  /** The sandbox's root in the stage. */
  readonly root: string;
  /** Mounts that the supervisor makes in its stage first: host path and place. */
  readonly binds: readonly Bind[];
}

type Bind = readonly [source: string, target: string];

/** Builds and finds what sandboxes need. Errors: `isolation_unavailable`, saying what is missing. */
export async function prepareHost(
  options: Pick<Required<GvisorOptions>, "nativeDir" | "kernelsDir" | "nodePath">,
): Promise<PreparedHost> {
  const { nativeDir } = options;
  const runsc = findRunsc();
  await mkdir(nativeDir, { recursive: true });
  const extra = {
    programs: [ENTRY, COMPAT],
    etc: { "ld.so.preload": `${COMPAT}\n` },
    folders: [NAMES],
    etcLinks: Object.fromEntries(["hosts", "hostname"].map((name) => [name, `${NAMES}/${name}`])),
  };
  const rootFor = (kind: RootKind) => prepareRootImage(nativeDir, kind, extra);
  const [version, platform, tools, starter, entry, compat, image, filter] = await Promise.all([
    runscVersion(runsc),
    choosePlatform(runsc),
    nativeTools(nativeDir),
    nativeProgram("gvisor-host", nativeDir),
    nativeProgram("gvisor-entry", nativeDir),
    nativeProgram("gvisor-compat", nativeDir),
    rootFor("closed"),
    // Memory that belongs to no process is counted by nobody here: see `limit-plan.ts`.
    filterFile("user-uncounted", nativeDir),
  ]);
  const parts: Bind[] = [
    ...["/usr", ...image.hostDirs].map((dir): Bind => [dir, dir]),
    [options.kernelsDir, INSIDE.kernels],
    [options.nodePath, INSIDE.node],
    [tools.agent, INSIDE.agent],
    [entry, ENTRY],
    [compat, COMPAT],
  ];
  const stage = stageOptions(parts, image, [runsc, starter]);
  return {
    nativeDir,
    runsc,
    version,
    platform,
    programs: [tools.agent, entry, compat, image.dir],
    starter,
    launch: (folder) => ({
      binary: tools.supervisor,
      listenFd: HOST_FDS.listen,
      options: [
        ...["--socket", COMMANDS_NAME, String(HOST_FDS.commands), "--open", String(HOST_FDS.filter), filter],
        ...["--stage", folder, ...stage],
      ],
    }),
    async mounts({ workspace, bundle, exchange, network, packages }) {
      const own: Bind[] = [
        [workspace, STAGE.workspace],
        [bundle, STAGE.bundle],
        [exchange, STAGE.exchange],
      ];
      const place = network ? STAGE.networkRoot : STAGE.root;
      const layer: Bind[] = packages === undefined ? [] : [[packages, place + INSIDE.packages]];
      if (!network) return { root: place, binds: [...own, ...layer] };
      // That a sandbox has a network is known too late for the stage.
      const root = await rootFor(network.trust === undefined ? "network" : "trusting");
      const trusted = network.trust === undefined ? [] : trustParts(network.trust, root);
      const moved = [...parts, ...trusted].map(([source, target]): Bind => [source, place + target]);
      return { root: place, binds: [...own, [root.dir, place], ...moved, ...layer] };
    },
  };
}

/** The stage holds what runsc and its sandbox need, and nothing else of the host. */
function stageOptions(parts: readonly Bind[], image: RootImage, programs: readonly string[]): string[] {
  const binds = [
    ...["/usr", "/proc", "/dev", ...image.hostDirs].map((dir) => [dir, dir]),
    ...programs.filter((path) => !path.startsWith("/usr/")).map((path) => [path, path]),
    [image.dir, STAGE.root],
    ...parts.map(([source, target]) => [source, STAGE.root + target]),
  ];
  return [
    ...binds.flatMap(([source, target]) => ["--bind", source ?? "", target ?? ""]),
    ...image.links.flatMap(([name, target]) => ["--link", target, name]),
    ...["--dir", "/tmp", "--dir", STAGE.state, "--link", `${STAGE.root}/etc`, "/etc"],
  ];
}
