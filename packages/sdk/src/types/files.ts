export interface FileStat {
  /** As asked for, or relative to the listed folder. */
  readonly path: string;
  readonly kind: "file" | "dir" | "symlink" | "other";
  readonly size: number;
  /** Permission bits, e.g. 0o644. */
  readonly mode: number;
  readonly mtimeMs: number;
  /** Of a symlink. */
  readonly target?: string;
}

export interface FileChange {
  readonly path: string;
  readonly change: "created" | "modified" | "removed" | "renamed";
}
