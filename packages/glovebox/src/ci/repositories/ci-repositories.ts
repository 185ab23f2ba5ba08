import type { Repository } from "../../core/index.ts";
import type { RepositoryStore } from "../../store/index.ts";
import type { CiRepositories, CiRepository } from "../runs/ports.ts";
import type { Permissions } from "../workflow/workflow.ts";
import type { ForgeTable } from "./forge-table.ts";
import type { RepositoryValues, ValueKind } from "./repository-values.ts";

export interface CiRepositoriesOptions {
  readonly store: RepositoryStore;
  readonly values: RepositoryValues;
  readonly forges: ForgeTable;
  /** Of GitHub's pages and API, for the `github` context. */
  readonly gitHub: { readonly url: string; readonly apiUrl: string };
}

/** The repositories as runs see them. */
export function createCiRepositories({ store, values, forges, gitHub }: CiRepositoriesOptions): CiRepositories {
  const open = async (kind: ValueKind, tenantId: string, id: string, environment?: string) => {
    if ((await store.get(tenantId, id)) === undefined) return {};
    return await values.open({ tenantId, repositoryId: id, kind, ...(environment !== undefined && { environment }) });
  };
  return {
    async get(tenantId, id) {
      const found = await store.get(tenantId, id);
      return found && toCiRepository(found, gitHub);
    },
    all: async () => (await store.all()).map((one) => toCiRepository(one, gitHub)),
    variables: (tenantId, id, environment) => open("variables", tenantId, id, environment),
    secrets: (tenantId, id, environment) => open("secrets", tenantId, id, environment),
    async token(tenantId, id, permissions, signal) {
      const found = await store.get(tenantId, id);
      // A token that people gave cannot be made smaller for a job: it is for the server alone.
      if (found?.credentials !== "app") return undefined;
      return await forges.github.jobToken(found, apiPermissions(permissions), signal);
    },
  };
}

export function toCiRepository(repository: Repository, gitHub: CiRepositoriesOptions["gitHub"]): CiRepository {
  const { id, tenantId, fullName, defaultBranch, maxConcurrentJobs, labels, forge, cloneUrl } = repository;
  const isPath = cloneUrl.startsWith("/");
  const serverUrl = forge === "github" ? gitHub.url : isPath ? undefined : new URL(cloneUrl).origin;
  return {
    id,
    tenantId,
    fullName,
    defaultBranch,
    // The forge is not asked: what needs credentials is taken for private.
    private: repository.credentials !== "none" || isPath,
    ...(serverUrl !== undefined && { serverUrl }),
    ...(forge === "github" && { apiUrl: gitHub.apiUrl }),
    ...(maxConcurrentJobs !== undefined && { maxConcurrentJobs }),
    labels,
  };
}

/** Scopes that a job's token can have, in the API's words: https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app */
const SCOPES = [
  ...["actions", "checks", "contents", "deployments", "discussions", "issues", "packages", "pages", "pull-requests"],
  ...["repository-projects", "security-events", "statuses"],
];

/** What a workflow's `permissions` are to the API. Without any: to read the code, as GitHub's own careful default has it. */
function apiPermissions(permissions: Permissions | undefined): Readonly<Record<string, string>> {
  if (permissions === undefined) return { contents: "read", metadata: "read" };
  if (permissions === "read-all") return { ...all("read"), metadata: "read" };
  if (permissions === "write-all") return { ...all("write"), metadata: "read" };
  const asked = Object.entries(permissions).filter(([scope, may]) => may !== "none" && SCOPES.includes(scope));
  return { ...Object.fromEntries(asked.map(([scope, may]) => [apiScope(scope), may])), metadata: "read" };
}

function all(may: string): Record<string, string> {
  return Object.fromEntries(SCOPES.map((scope) => [apiScope(scope), may]));
}

function apiScope(scope: string): string {
  return scope.replaceAll("-", "_");
}
