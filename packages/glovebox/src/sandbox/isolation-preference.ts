import type { Isolation } from "../core/index.ts";

/** Which isolation is the default, best first: for work in progress the wall that starts fast and is complete, then what works everywhere. */
export const ISOLATION_PREFERENCE: readonly Isolation[] = ["bubblewrap", "gvisor", "microvm", "firecracker", "isolate"];
