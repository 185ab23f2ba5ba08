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

/**
 * Files as the sandboxed code sees them. Relative paths start at `/workspace`. Everything is resolved inside the
 * sandbox, by a process with the code's own rights. Errors: `not_found`, `already_exists`, `invalid_path` (also when
 * `within` is `workspace` and the path leads out, be it by `..` or a symlink), `permission_denied`,
 * `resource_exhausted` (disk full).
 */
export interface SandboxFiles {
  read(
    path: string,
    options?: { offset?: number; limit?: number; within?: "workspace"; signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>;
  write(
    path: string,
    data: Uint8Array | AsyncIterable<Uint8Array>,
    options?: { mode?: number; append?: boolean; parents?: boolean; within?: "workspace"; signal?: AbortSignal },
  ): Promise<{ readonly size: number }>;
  list(path: string, options?: { recursive?: boolean; limit?: number; signal?: AbortSignal }): AsyncIterable<FileStat>;
  stat(path: string, options?: { within?: "workspace"; signal?: AbortSignal }): Promise<FileStat>;
  mkdir(path: string, options?: { parents?: boolean; signal?: AbortSignal }): Promise<void>;
  rename(from: string, to: string, signal?: AbortSignal): Promise<void>;
  remove(path: string, options?: { recursive?: boolean; signal?: AbortSignal }): Promise<void>;
  watch(path: string, options?: { recursive?: boolean; signal?: AbortSignal }): AsyncIterable<FileChange>;
  /** A tree as an uncompressed tar (ustar with pax records where needed). */
  pack(path: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Unpacks a tar under `path`. Entries that lead out of it, devices and the like are refused with `invalid_path`. */
  unpack(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<{ readonly files: number; readonly bytes: number }>;
}
