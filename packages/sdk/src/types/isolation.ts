/** How strong the wall around the code is. */
export type Isolation = "isolate" | "bubblewrap" | "gvisor" | "microvm" | "firecracker";

export type Language = "python" | "javascript" | "typescript" | "bash" | "rust";
