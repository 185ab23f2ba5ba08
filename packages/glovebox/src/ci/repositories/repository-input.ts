import { isAbsolute, normalize } from "node:path";
import { GloveboxError, type RepositoryForge } from "../../core/index.ts";

export interface RepositoryInput {
  readonly forge: RepositoryForge;
  /** `owner/name` */
  readonly fullName: string;
  /** Default on GitHub: where it is there. */
  readonly cloneUrl?: string;
  /** Default `main`. */
  readonly defaultBranch?: string;
  /** The forge is reached with this token; or as the server's App. Default: with neither, and results stay here. */
  readonly token?: string;
  readonly useApp?: boolean;
  readonly maxConcurrentJobs?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface RepositoryRules {
  /** Where GitHub's repositories are, without a `/` at its end. */
  readonly gitHubUrl: string;
  /** Folders whose repositories may be named by their paths. */
  readonly localFolders: readonly string[];
  /** Tenants whose repositories may be reached as the server's App, which sees every repository that it is installed for. */
  readonly appTenants: readonly string[];
  readonly hasApp: boolean;
}

/** Where git fetches it from. `invalid_argument` for what is no URL that may be, `permission_denied` for a path that was not opened to repositories. */
export function cloneUrlOf({ forge, fullName, cloneUrl }: RepositoryInput, rules: RepositoryRules): string {
  if (cloneUrl === undefined) {
    if (forge === "github") return `${rules.gitHubUrl}/${fullName}.git`;
    throw refuse("cloneUrl", "where is it?");
  }
  if (isAbsolute(cloneUrl)) {
    if (forge !== "local") throw refuse("cloneUrl", "a path is for local repositories");
    return localPath(cloneUrl, rules.localFolders);
  }
  const url = URL.parse(cloneUrl);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw refuse("cloneUrl", "it must be https:// or http://, or the absolute path of a local repository");
  }
  if (url.username !== "" || url.password !== "") throw refuse("cloneUrl", "credentials do not belong into it");
  if (url.search !== "" || url.hash !== "") throw refuse("cloneUrl", "it must have neither a query nor a fragment");
  // GitHub's credentials are sent there.
  if (forge === "github" && url.origin !== new URL(rules.gitHubUrl).origin) {
    throw refuse("cloneUrl", `GitHub is at ${rules.gitHubUrl}`);
  }
  return url.href;
}

/** The server reads it with its own rights, so only folders that were opened to that are taken: `ci.localFolders`. */
function localPath(path: string, folders: readonly string[]): string {
  const plain = normalize(path).replace(/\/+$/, "");
  if (folders.some((folder) => plain.startsWith(`${normalize(folder).replace(/\/+$/, "")}/`))) return plain;
  throw new GloveboxError("permission_denied", "this path is in none of the folders of ci.localFolders", {
    details: { path: "cloneUrl" },
  });
}

/** What the forge is reached with. `permission_denied` when the App is not this tenant's to use. */
export function credentialsOf(
  tenantId: string,
  { forge, token, useApp }: RepositoryInput,
  rules: RepositoryRules,
): "none" | "token" | "app" {
  if (useApp !== true) return token === undefined ? "none" : "token";
  if (token !== undefined) throw refuse("token", "either a token or the App");
  if (forge !== "github") throw refuse("useApp", "Apps are GitHub's");
  if (!rules.hasApp) throw refuse("useApp", "this server has no GitHub App: see ci.github in its configuration");
  if (!rules.appTenants.includes(tenantId)) {
    throw new GloveboxError(
      "permission_denied",
      "this tenant may not use the server's GitHub App (ci.github.appTenants)",
    );
  }
  return "app";
}

export function refuse(path: string, message: string): GloveboxError {
  return new GloveboxError("invalid_argument", `${path}: ${message}`, { details: { path } });
}
