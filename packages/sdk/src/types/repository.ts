/** A repository whose workflows the server runs. */
export interface Repository {
  readonly id: string;
  readonly tenantId: string;
  readonly forge: "github" | "gitea" | "local";
  /** `owner/name` */
  readonly fullName: string;
  readonly cloneUrl: string;
  readonly defaultBranch: string;
  /** How the forge is reached: not at all, with a token of its own, or as an installation of the server's App. */
  readonly credentials: "none" | "token" | "app";
  /** The webhook that was registered at the forge. */
  readonly hook?: { readonly id: string; readonly url: string };
  /** Jobs of it at work at a time. Absent: as many as the server allows. */
  readonly maxConcurrentJobs?: number;
  /** Templates by the labels of `runs-on`; stands before the server's. */
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface RepositoryInput {
  /** Default `github`. */
  readonly forge?: Repository["forge"];
  /** `owner/name` */
  readonly fullName: string;
  /** Without credentials in it. Default on GitHub: where it is there. Of a local one also a path that the server opened to that. */
  readonly cloneUrl?: string;
  /** Default `main`. */
  readonly defaultBranch?: string;
  /** What the forge is reached with. Kept sealed; never shown. */
  readonly token?: string;
  /** Reach it as an installation of the server's GitHub App. */
  readonly useApp?: boolean;
  readonly maxConcurrentJobs?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface RepositoryPatch {
  readonly defaultBranch?: string;
  /** `null` forgets it. */
  readonly token?: string | null;
  readonly useApp?: boolean;
  /** `null`: as many as the server allows. */
  readonly maxConcurrentJobs?: number | null;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A secret of a repository, without its value. */
export interface RepositorySecret {
  readonly name: string;
  /** Counts up from 1 with every new value. */
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface RepositoryVariable extends RepositorySecret {
  readonly value: string;
}

export interface RepositoryHook {
  readonly repository: Repository;
  /** Only when it is new; shown this once. */
  readonly webhookSecret?: string;
}
