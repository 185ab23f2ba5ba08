/** What jobs keep for other jobs: artifacts, within a run; caches, within a repository. All names and contents are a sandbox's: bounded, and never paths of this machine. */
export interface JobStorage {
  /** The run's. */
  readonly artifacts: {
    /** Errors: `already_exists`, `resource_exhausted`, `invalid_argument`. */
    put(name: string, content: AsyncIterable<Uint8Array>, options?: PutArtifact): Promise<StoredEntry>;
    list(): Promise<readonly StoredEntry[]>;
    /** Its files as an uncompressed tar, whatever it was kept as; `undefined` when there is none of that name. Errors while it is read: `workspace_invalid`, `payload_too_large`. */
    get(name: string): Promise<AsyncIterable<Uint8Array> | undefined>;
    /** As it was kept. */
    raw(name: string, range?: ByteRange): Promise<StoredContent | undefined>;
    /** False when there was none. */
    remove(name: string): Promise<boolean>;
  };
  /** The repository's. */
  readonly caches: {
    /** What is there already of that key and version stays as it is: false. Errors: `resource_exhausted`, `invalid_argument`. */
    put(key: string, version: string, content: AsyncIterable<Uint8Array>): Promise<boolean>;
    /** The one of `key`, else the newest whose key begins with one of `prefixes`, the first prefix first. Of that version alone. */
    find(key: string, prefixes: readonly string[], version: string): Promise<StoredEntry | undefined>;
    get(key: string, version: string): Promise<AsyncIterable<Uint8Array> | undefined>;
    raw(key: string, version: string, range?: ByteRange): Promise<StoredContent | undefined>;
  };
  /** What comes in pieces, until it is whole. */
  readonly uploads: JobUploads;
  /** What the run's tokens and addresses are signed with; the same after a restart. */
  readonly key: Uint8Array;
}

/** What an artifact's content is: an uncompressed tar of files, a zip file of them, or one file by the artifact's name. */
export type ArtifactFormat = "tar" | "zip" | "file";

export interface PutArtifact {
  readonly overwrite?: boolean;
  /** Default `tar`. */
  readonly format?: ArtifactFormat;
}

/** Both inclusive; without an end, to the last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

export interface StoredContent {
  readonly entry: StoredEntry;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Uploads of one run, in blocks of any order or at once. Ids are ours, blocks' names the sandbox's. Those that are not finished go after a while. */
export interface JobUploads {
  /** Begins one, anew if there was one. `resource_exhausted` when there are too many. */
  begin(id: string): Promise<void>;
  /** Errors: `not_found` when it was not begun, `resource_exhausted`. */
  block(id: string, name: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** Says what it is: these blocks in this order. Errors: `not_found`, `invalid_argument` for a block that is not there. */
  commit(id: string, names: readonly string[]): Promise<void>;
  /** `undefined` before `commit`. */
  read(id: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  remove(id: string): Promise<void>;
}

export interface StoredEntry {
  /** An artifact's name, or a cache's key. */
  readonly name: string;
  /** Of a cache. */
  readonly version: string;
  /** Hex, unique in its scope. */
  readonly id: string;
  readonly format: ArtifactFormat;
  readonly size: number;
  /** Of the content, hex. */
  readonly sha256: string;
  readonly createdAtMs: number;
}
