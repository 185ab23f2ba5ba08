import { join, resolve } from "node:path";
import {
  builtInFlows,
  CodeThreads,
  createAgents,
  createBaselines,
  createLessons,
  createRetrieve,
  FlowService,
  type HostParts,
  loadFlows,
  type OpenAgents,
  type PublishChange,
  readFlowFiles,
  Uploads,
} from "../agents/index.ts";
import type { ProjectServices } from "../chat/index.ts";
import type { Config } from "../config/index.ts";
import type { ContextStore } from "../context/index.ts";
import { GloveboxError, type Logger, systemClock } from "../core/index.ts";
import type { DurableEngine } from "../engine/index.ts";
import { commitChanges } from "../forges/index.ts";
import type { RunDocuments, Sandboxes } from "../runs/index.ts";
import type { Store } from "../store/index.ts";
import { DEFAULT_MODEL, openModel } from "./agent-model.ts";
import type { OpenForges } from "./forges.ts";
import { createProject } from "./project.ts";

export interface OpenAgentsAndFlows extends OpenAgents {
  /** What clients reach. */
  readonly surfaces: { readonly agents: OpenAgents["service"]; readonly flows: FlowService };
}

/**
 * Agents and flows over the engine, as configured. What the last server left to be told is told before it resolves. Errors: `invalid_argument` for flows and models of the
 * configuration that cannot be read.
 */
export async function openAgents(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly engine: DurableEngine;
  readonly sandboxes: Sandboxes;
  readonly documents: RunDocuments;
  readonly context: ContextStore;
  readonly forges: Pick<OpenForges, "git" | "repositories" | "pulls">;
  readonly logger: Logger;
  /** Is told what conversations reach. */
  readonly late: { readonly project: { resolve(project: ProjectServices): void } };
}): Promise<OpenAgentsAndFlows> {
  const { config, store, engine, sandboxes, documents, context, forges, logger, late } = parts;
  await using opened = new AsyncDisposableStack();
  const uploads = new Uploads(join(config.dataDir, "flows", "uploads"), systemClock);
  await uploads.sweep();
  const code = opened.use(new CodeThreads());
  const models = await openModel(config.agents.model);
  const host: HostParts = {
    workbench: { sandboxes, blobs: uploads, known: knownRepositories(forges) },
    code,
    retrieve: createRetrieve(context),
    lessons: createLessons(context),
    baselines: createBaselines(context),
    documents,
    ...(models !== undefined && { models }),
  };
  const agents = opened.use(createAgents({ store, engine, host, clock: systemClock, logger }));
  const { folder, modules, rounds, budget } = config.flows;
  const flows = new FlowService({
    engine,
    flows: { host, desk: agents.desk, publish: publishTo(forges) },
    uploads,
    agents: (tenantId) => agents.known(tenantId),
    builtIn: builtInFlows(),
    modules: await loadFlows(modules),
    definitions: folder === undefined ? [] : await readFlowFiles(resolve(folder)),
    rounds,
    budget: Object.fromEntries(Object.entries(budget).filter(([, limit]) => limit !== undefined)),
    ...(models !== undefined && { model: DEFAULT_MODEL }),
    isPriced: config.agents.model.prices !== undefined,
  });
  await agents.takeUp();
  late.project.resolve(createProject({ context, engine, flows, agents: agents.service }));
  const resources = opened.move();
  return {
    ...agents,
    surfaces: { agents: agents.service, flows },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Commits of the repositories that the server knows. */
function knownRepositories({
  git,
  repositories,
}: Pick<OpenForges, "git" | "repositories">): NonNullable<HostParts["workbench"]["known"]> {
  return async (tenantId, repositoryId, ref, signal) => {
    const repository = await repositories.get(tenantId, repositoryId);
    if (repository === undefined) throw new GloveboxError("not_found", `no repository ${repositoryId}`);
    const commit = await git.resolve(tenantId, repositoryId, ref ?? repository.defaultBranch, signal);
    return { commit, tar: await git.source(tenantId, repositoryId, { sha: commit }, signal) };
  };
}

const AUTHOR = { name: "Glovebox", email: "flows@glovebox.invalid" };

/** Pushes to the repositories that the server knows, and opens pull requests where their forge has some. */
function publishTo({ git, pulls }: Pick<OpenForges, "git" | "pulls">): PublishChange {
  return async (tenantId, { repositoryId, into, branch, message, changes, ...commit }, signal) => {
    const { repository, git: clone, remote } = await git.open(tenantId, repositoryId, signal);
    const files = changes.map(({ mode, ...change }) => ({ ...change, ...(mode !== undefined && { mode }) }));
    const made = await commitChanges(
      { git: clone, remote },
      { ...commit, branch, message, changes: files, author: AUTHOR, signal },
    );
    if (into === undefined) return made;
    const [title = branch, ...body] = message.split("\n");
    const draft = { head: branch, base: into ?? repository.defaultBranch, title, body: body.join("\n").trim() };
    const { number, url } = await (await pulls(repository)).open(draft, signal);
    return { ...made, pullRequest: { number, url } };
  };
}
