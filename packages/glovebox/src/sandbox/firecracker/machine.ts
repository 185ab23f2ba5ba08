import type { FirecrackerApi } from "./api-client.ts";
import { bootArguments } from "./guest-words.ts";
import type { Jail } from "./jail.ts";
import { inJail, JAIL_FILES } from "./jail-paths.ts";
import type { GuestShape } from "./record.ts";

/** Of the guest on its vsock. Each machine has its own socket on the host, so all of them may have the same. */
const GUEST_CID = 3;

/** Host files that a guest's disks are, but for its workspace, which it writes. */
export interface GuestFiles {
  readonly kernel: string;
  readonly initramfs: string;
  readonly root: string;
  readonly tools: string;
  readonly packages?: string;
}

/** Files from which a machine goes on instead of booting. */
export interface SavedFiles {
  readonly memory: string;
  readonly state: string;
}

/** Puts into the jail what the machine needs. */
export async function fillJail(
  jail: Jail,
  files: GuestFiles,
  workspace: string,
  saved: SavedFiles | undefined,
): Promise<void> {
  const { kernel, initramfs, root, tools, packages } = files;
  await jail.make();
  await Promise.all([
    jail.share(root, JAIL_FILES.root),
    jail.share(tools, JAIL_FILES.tools),
    ...(packages === undefined ? [] : [jail.share(packages, JAIL_FILES.packages)]),
    jail.give(workspace, JAIL_FILES.workspace),
    ...(saved
      ? [jail.share(saved.memory, JAIL_FILES.memory), jail.share(saved.state, JAIL_FILES.state)]
      : [jail.share(kernel, JAIL_FILES.kernel), jail.share(initramfs, JAIL_FILES.initramfs)]),
  ]);
}

/** Tells a new Firecracker what its machine is, and starts it. */
export async function bootMachine(api: FirecrackerApi, shape: GuestShape, signal?: AbortSignal): Promise<void> {
  const options = signal ? { signal } : {};
  await log(api, options);
  await api.setMachine(
    { vcpu_count: shape.cpus, mem_size_mib: shape.ramMb, smt: false, track_dirty_pages: false },
    options,
  );
  await api.setBootSource(
    {
      kernel_image_path: inJail(JAIL_FILES.kernel),
      initrd_path: inJail(JAIL_FILES.initramfs),
      boot_args: bootArguments(shape.words),
    },
    options,
  );
  for (const name of disksOf(shape)) {
    const drive = {
      drive_id: name,
      path_on_host: inJail(name),
      // The initramfs finds them by their order; the kernel itself is to mount none.
      is_root_device: false,
      is_read_only: name !== JAIL_FILES.workspace,
      // The workspace is lost with the machine, so the host need not write it through.
      cache_type: "Unsafe",
    } as const;
    await api.addDrive(drive, options);
  }
  await api.setVsock({ guest_cid: GUEST_CID, uds_path: inJail(JAIL_FILES.vsock) }, options);
  await api.addEntropy(options);
  await api.act("InstanceStart", options);
}

/** Has a new Firecracker go on from saved files: everything it is lies at the same paths in its jail as in the one before. */
export async function loadMachine(api: FirecrackerApi, signal?: AbortSignal): Promise<void> {
  const options = signal ? { signal } : {};
  await log(api, options);
  await api.loadSnapshot(
    {
      snapshot_path: inJail(JAIL_FILES.state),
      mem_backend: { backend_type: "File", backend_path: inJail(JAIL_FILES.memory) },
      track_dirty_pages: false,
      resume_vm: true,
    },
    options,
  );
}

function disksOf({ packages }: GuestShape): (typeof JAIL_FILES)["root" | "tools" | "workspace" | "packages"][] {
  const { root, tools, workspace, packages: last } = JAIL_FILES;
  return [root, tools, workspace, ...(packages === undefined ? [] : [last])];
}

function log(api: FirecrackerApi, options: { readonly signal?: AbortSignal }): Promise<void> {
  return api.setLogger({ log_path: inJail(JAIL_FILES.log), level: "Warning" }, options);
}
