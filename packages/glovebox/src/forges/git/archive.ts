import { streamGit } from "./git-process.ts";

export interface ArchiveOptions {
  /** A folder that every path in the archive begins with, without a `/` at its end. */
  readonly prefix?: string;
  readonly signal: AbortSignal;
  /** Milliseconds. Default 10 minutes. */
  readonly timeoutMs?: number;
}

/** The files of a commit as git writes them into a tar archive. */
export function archiveCommit(gitDir: string, commit: string, options: ArchiveOptions): AsyncGenerator<Buffer> {
  const { prefix, signal, timeoutMs = 600_000 } = options;
  const args = ["archive", "--format=tar", ...(prefix === undefined ? [] : [`--prefix=${prefix}/`]), commit];
  return streamGit({ args, gitDir, signal, timeoutMs });
}
