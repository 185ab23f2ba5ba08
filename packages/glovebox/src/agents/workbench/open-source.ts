import { GloveboxError } from "../../core/index.ts";
import { openWorkingCopy } from "../../forges/index.ts";
import type { BlobStore } from "../../store/index.ts";
import type { RepositorySource } from "./repository-tree.ts";

/** Where repositories come from. What is absent is refused. */
export interface RepositoryPlaces {
  readonly blobs?: Pick<BlobStore, "get">;
  /** Folders of this machine. Whoever may name them may read them: by default nobody. */
  readonly folders?: boolean;
  /** A commit of a repository that the server knows, as a tar. */
  readonly known?: (
    tenantId: string,
    repositoryId: string,
    ref: string | undefined,
    signal: AbortSignal,
  ) => Promise<{ readonly commit: string; readonly tar: AsyncIterable<Uint8Array> }>;
}

export interface OpenedSource {
  readonly tar: AsyncIterable<Uint8Array>;
  readonly include: readonly string[];
  /** To be asked for once the tar was read. */
  facts(): { readonly head?: string; readonly dirty: boolean };
}

/** Errors: `invalid_argument` for a folder that is no repository, `not_found`, `unavailable` for a kind that this server has not, those of the forge. */
export async function openSource(
  source: RepositorySource,
  places: RepositoryPlaces,
  { tenantId, signal }: { readonly tenantId: string; readonly signal: AbortSignal },
): Promise<OpenedSource> {
  switch (source.kind) {
    case "folder": {
      if (places.folders !== true) throw missing("folders of its own machine");
      const include = source.include ?? [];
      const { tar, head, isDirty } = await openWorkingCopy(source.path, { include, signal });
      return { tar, include, facts: () => ({ ...(head !== undefined && { head }), dirty: isDirty() }) };
    }
    case "repository": {
      if (places.known === undefined) throw missing("repositories");
      const { commit, tar } = await places.known(tenantId, source.repositoryId, source.ref, signal);
      return { tar, include: [], facts: () => ({ head: commit, dirty: false }) };
    }
    case "archive": {
      if (places.blobs === undefined) throw missing("archives");
      const { sha256, head, dirty = head === undefined, include = [] } = source;
      return {
        tar: places.blobs.get(sha256),
        include,
        facts: () => ({ ...(head !== undefined && { head }), dirty }),
      };
    }
  }
}

function missing(what: string): GloveboxError {
  return new GloveboxError("unavailable", `this server takes no ${what} for agents`, {
    details: { path: "repository.kind", retryable: false },
  });
}
