import { GloveboxError } from "../../core/index.ts";

/**
 * Waits for works of which each, when it throws, ends the others with an error that says less, and throws the one that says most.
 * Errors: `cancelled` when the signal did it; a `GloveboxError` or the system's (`ENOSPC`) among theirs; else `invalid_argument` with `what`.
 */
export async function settle(what: string, signal: AbortSignal | undefined, works: readonly Promise<unknown>[]) {
  const ends = await Promise.allSettled(works);
  const errors = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
  if (errors.length === 0) return;
  const [cause] = errors;
  if (signal?.aborted) throw new GloveboxError("cancelled", "the image's making was cancelled", { cause });
  const telling = errors.find((error) => error instanceof GloveboxError) ?? errors.find(isSystemError);
  if (telling !== undefined) throw telling;
  throw new GloveboxError("invalid_argument", `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  });
}

/** Of the disk (`ENOSPC`, `EIO`), not of a stream's form. */
function isSystemError(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.syscall !== undefined;
}
