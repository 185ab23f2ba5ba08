export type RepositoryForge = "github" | "gitea" | "local";

/** A repository whose workflows the server runs. Its credentials and secrets are sealed elsewhere. */
export interface Repository {
  readonly id: string;
  readonly tenantId: string;
  readonly forge: RepositoryForge;
  /** `owner/name`, once in a tenant and forge, whatever its case. */
  readonly fullName: string;
  /** `https://…` or `http://…`, without credentials; of a local one also an absolute path. */
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
