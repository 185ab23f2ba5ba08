/** The last entry of a backup: what is in it, to be checked when it is restored. */
export interface BackupManifest {
  readonly format: "glovebox-backup";
  readonly version: 1;
  readonly createdAt: string;
  readonly files: readonly BackupFile[];
}

export interface BackupFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export const MANIFEST_NAME = "manifest.json";
export const MANIFEST_MAX_BYTES = 268_435_456;

const PATHS = /^(glovebox\.db|context\.db|events\/events-\d{8}\.db|blobs\/([0-9a-f]{2})\/\2[0-9a-f]{62})$/;

/** Whether a backup may hold a file of this name. Nothing else is ever written when one is restored. */
export function isBackupPath(path: string): boolean {
  return PATHS.test(path);
}
