import { CONTAINER, GATED_NAME, HOST_FDS, STAGE } from "./places.ts";
import type { HostUids } from "./record.ts";
import type { Platform } from "./runsc.ts";

export interface RunscSpec {
  readonly starter: string;
  readonly runsc: string;
  readonly platform: Platform;
  readonly uids: HostUids;
}

/** The command line of gvisor-host with runsc as it starts it. The sandbox is that of the bundle in the stage. */
export function runscArgv(spec: RunscSpec, command: readonly string[]): string[] {
  return [
    spec.starter,
    ...[
      "--listen",
      String(HOST_FDS.listen),
      "--commands",
      String(HOST_FDS.commands),
      "--filter",
      String(HOST_FDS.filter),
    ],
    ...["--uids", ...spec.uids.map(String), "--own", STAGE.state, "--own", STAGE.exchange, "--"],
    ...[spec.runsc, `--root=${STAGE.state}`, `--platform=${spec.platform}`, "--network=none"],
    // Limits are the supervisor's cgroup, which is above all of this.
    ...["--ignore-cgroups", "::"],
    ...command,
  ];
}

/** Starts the sandbox of the bundle. */
export function runCommand(): string[] {
  return ["run", `--bundle=${STAGE.bundle}`, CONTAINER];
}

/** Starts it from the checkpoint in a folder of the exchange. */
export function restoreCommand(name: string): string[] {
  return ["restore", `--bundle=${STAGE.bundle}`, `--image-path=${STAGE.exchange}/${name}`, CONTAINER];
}

/** The same, but once it has come to the gate it waits there, and the checkpoint may come until then. */
export function gatedRestoreCommand(name: string): string[] {
  const [bundle, image] = [`${STAGE.bundle}/${GATED_NAME}`, `${STAGE.exchange}/${name}`];
  return ["restore", `--bundle=${bundle}`, `--image-path=${image}`, CONTAINER];
}

/** Leaves a checkpoint in a new folder of the exchange, and ends the sandbox. */
export function checkpointCommand(name: string): string[] {
  return ["checkpoint", `--image-path=${STAGE.exchange}/${name}`, CONTAINER];
}
