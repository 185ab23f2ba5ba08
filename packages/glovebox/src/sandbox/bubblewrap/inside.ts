import { TRUST } from "../../core/index.ts";
import { PACKAGES_DIR, SANDBOX_PATH } from "../driver.ts";

/** What sandboxed code sees. */
export const INSIDE = {
  uid: 1000,
  gid: 1000,
  user: "glovebox",
  hostname: "glovebox",
  workspace: "/workspace",
  kernels: "/glovebox/kernels",
  node: "/glovebox/bin/node",
  agent: "/glovebox/agent",
  /** PEM: the certificate of `SandboxNetwork.authority` alone. There only when it was given. */
  authority: TRUST.authority,
  /** PEM: the host's certificate authorities, and that one. There in every sandbox with a network; the same is at `systemBundle`. */
  caBundle: TRUST.bundle,
  /** Where most programs look for certificate authorities. There only in sandboxes with a network, if the host has it. */
  systemBundle: "/etc/ssl/certs/ca-certificates.crt",
  packages: PACKAGES_DIR,
  path: SANDBOX_PATH,
} as const;

/** Descriptors that the agent and bwrap inherit from the supervisor. */
export const FDS = { listen: 10, agentFilter: 11, userFilter: 12 } as const;

/** The environment of every program, under what the session adds. */
export const BASE_ENV: Readonly<Record<string, string>> = {
  PATH: INSIDE.path,
  HOME: INSIDE.workspace,
  USER: INSIDE.user,
  LOGNAME: INSIDE.user,
  SHELL: "/bin/bash",
  LANG: "C.UTF-8",
  TMPDIR: "/tmp",
};
