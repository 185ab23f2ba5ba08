import type { Forge, GitHubForge } from "../../forges/index.ts";

/** The forges of a server, by kind. */
export interface ForgeTable {
  readonly github: GitHubForge;
  readonly gitea: Forge;
  readonly local: Forge;
}
