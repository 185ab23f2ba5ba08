/** What the driver says to Firecracker, in the words of its published API description (1.17.0-dev). The tests hold every request to that. */

export interface MachineConfig {
  /** 1, or an even number up to 32. */
  readonly vcpu_count: number;
  readonly mem_size_mib: number;
  readonly smt: boolean;
  readonly track_dirty_pages: boolean;
}

export interface BootSource {
  /** Paths are those that the jailed Firecracker sees. */
  readonly kernel_image_path: string;
  readonly initrd_path: string;
  readonly boot_args: string;
}

export interface Drive {
  readonly drive_id: string;
  readonly path_on_host: string;
  readonly is_root_device: boolean;
  readonly is_read_only: boolean;
  readonly cache_type: "Unsafe" | "Writeback";
}

export interface Vsock {
  /** At least 3. */
  readonly guest_cid: number;
  readonly uds_path: string;
}

export interface Logger {
  readonly log_path: string;
  readonly level: "Error" | "Warning" | "Info" | "Debug" | "Trace" | "Off";
}

export interface Metrics {
  readonly metrics_path: string;
}

export type Action = "InstanceStart" | "FlushMetrics";
export type VmState = "Paused" | "Resumed";

export interface SnapshotCreate {
  readonly snapshot_type: "Full";
  readonly snapshot_path: string;
  readonly mem_file_path: string;
}

export interface SnapshotLoad {
  readonly snapshot_path: string;
  /** `File`: mapped privately, so that many machines share what none of them has changed. */
  readonly mem_backend: { readonly backend_type: "File"; readonly backend_path: string };
  readonly track_dirty_pages: boolean;
  readonly resume_vm: boolean;
}

export interface InstanceInfo {
  readonly id: string;
  readonly state: "Not started" | "Running" | "Paused";
  readonly vmm_version: string;
}
