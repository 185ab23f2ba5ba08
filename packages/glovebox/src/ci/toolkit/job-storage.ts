/** What jobs keep for other jobs: artifacts, within a run; caches, within a repository. All names and contents are a sandbox's: bounded, and never paths of this machine. */
export interface JobStorage {
  /** The run's. */
  readonly artifacts: {
    /** Keeps an uncompressed tar. Errors: `already_exists`, `resource_exhausted`, `invalid_argument`. */
    put(name: string, tar: AsyncIterable<Uint8Array>, options?: { readonly overwrite?: boolean }): Promise<StoredEntry>;
    list(): Promise<readonly StoredEntry[]>;
    /** `undefined` when there is none of that name. */
    get(name: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  };
  /** The repository's. */
  readonly caches: {
    /** Keeps an uncompressed tar; what is there already of that key and version stays as it is: false. Errors: `resource_exhausted`, `invalid_argument`. */
    put(key: string, version: string, tar: AsyncIterable<Uint8Array>): Promise<boolean>;
    /** The one of `key`, else the newest whose key begins with one of `prefixes`, the first prefix first. Of that version alone. */
    find(key: string, prefixes: readonly string[], version: string): Promise<StoredEntry | undefined>;
    get(key: string, version: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  };
}

export interface StoredEntry {
  /** An artifact's name, or a cache's key. */
  readonly name: string;
  /** Hex, unique in its scope. */
  readonly id: string;
  readonly size: number;
  /** Of the content, hex. */
  readonly sha256: string;
  readonly createdAtMs: number;
}
