/** Copies of folders that hostile code has had its way with: see README.md. */
export { type Captured, captureTree } from "./capture.ts";
export { ownTree } from "./own.ts";
export { removeTree } from "./remove.ts";
export { restoreTree } from "./restore.ts";
export { combineSnapshots, compareSnapshots, ownBytes, syncFolder } from "./snapshots.ts";
