import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  type CiInsights,
  type CiRepositories,
  type CiService,
  createCiRepositories,
  createRepositoryGit,
  createRepositoryService,
  createWebhookIntake,
  type ForgeTable,
  lastLinesOf,
  Reporter,
  type RepositoryGit,
  RepositoryKeys,
  type RepositoryService,
  RepositoryValues,
  storedLogs,
  toCiRepository,
  type WebhookIntake,
  withCommit,
} from "../ci/index.ts";
import type { Config } from "../config/index.ts";
import { GloveboxError, type Logger, type Repository, type SealedValues, systemClock } from "../core/index.ts";
import {
  createActionSource,
  createGiteaForge,
  createGitHubForge,
  createLocalForge,
  type ForgePulls,
  GitCache,
} from "../forges/index.ts";
import { createTokenBucket } from "../governance/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import type { Store } from "../store/index.ts";

export interface OpenForges {
  readonly service: RepositoryService;
  readonly repositories: CiRepositories;
  readonly git: RepositoryGit;
  /** `not_found` where the forge has none, or there are no credentials. */
  pulls(repository: Repository): Promise<ForgePulls>;
  /** Tells forges of runs, at once of those that the last server left. Dispose of it after the service that tells it of them. */
  reporter(from: { readonly services: SessionServices; readonly insights: CiInsights }): Promise<Reporter>;
  /** Takes deliveries for this service. Dispose of it before the service. */
  intake(ci: Pick<CiService, "receive">): WebhookIntake;
}

/** Repositories and the forges that they are at, as configured. `invalid_argument` when a named file of the GitHub App cannot be read. */
export async function openForges(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly sealedValues: SealedValues;
  readonly logger: Logger;
}): Promise<OpenForges> {
  const { config, store, sealedValues, logger } = parts;
  const { github, actions, localFolders, webhooks } = config.ci;
  const app = await readApp(github);
  const table: ForgeTable = {
    github: createGitHubForge({ apiUrl: github.apiUrl, clock: systemClock, ...(app !== undefined && { app }) }),
    gitea: createGiteaForge(),
    local: createLocalForge(),
  };
  const keys = new RepositoryKeys(sealedValues);
  const values = new RepositoryValues(sealedValues);
  const cache = new GitCache(join(config.dataDir, "git"));
  const actionSource = createActionSource({ cache, ...actions, logger });
  const git = createRepositoryGit({ store: store.repositories, keys, forges: table, cache, actions: actionSource });
  const rules = {
    gitHubUrl: github.url,
    localFolders: localFolders.map((folder) => resolve(folder)),
    appTenants: github.appTenants,
    hasApp: app !== undefined,
  };
  const appSecret = await readOptional("ci.github.webhookSecretFile", github.webhookSecretFile);
  const limitOf = (perSecond: number) => createTokenBucket({ perSecond, burst: webhooks.burst, clock: systemClock });
  return {
    service: createRepositoryService({
      store: store.repositories,
      keys,
      values,
      forges: table,
      rules,
      clock: systemClock,
    }),
    repositories: createCiRepositories({ store: store.repositories, values, forges: table, gitHub: github }),
    git,
    pulls: async (repository) => table[repository.forge].pulls(repository, await keys.credentials(repository)),
    async reporter({ services, insights }) {
      const reporter = new Reporter({
        runs: store.ciRuns,
        reports: store.reports,
        repositories: store.repositories,
        keys,
        forges: table,
        lastLines: (run, job) => lastLinesOf(job, storedLogs(services.executions, run, job.key)),
        suggestions: (run) => insights.suggestionsFor(run),
        ...(config.ci.publicUrl !== undefined && { publicUrl: config.ci.publicUrl }),
        clock: systemClock,
        logger,
      });
      await reporter.takeUp();
      return reporter;
    },
    intake: (ci) =>
      createWebhookIntake({
        repositories: store.repositories,
        deliveries: store.deliveries,
        keys,
        forges: table,
        ...(appSecret !== undefined && { appSecret }),
        limits: { addresses: limitOf(webhooks.perAddress), repositories: limitOf(webhooks.perRepository) },
        async act(event, repository, signal) {
          const open = () => git.open(repository.tenantId, repository.id, signal);
          const complete = await withCommit(event, open, signal);
          const begun = await ci.receive(complete, toCiRepository(repository, github), signal);
          return `began ${begun.length} runs`;
        },
        clock: systemClock,
        logger,
      }),
  };
}

async function readApp({ appId, privateKeyFile }: Config["ci"]["github"]) {
  const privateKey = await readOptional("ci.github.privateKeyFile", privateKeyFile);
  if ((appId === undefined) !== (privateKey === undefined)) {
    throw new GloveboxError("invalid_argument", "ci.github.appId and ci.github.privateKeyFile belong together");
  }
  return appId === undefined || privateKey === undefined ? undefined : { appId, privateKey };
}

async function readOptional(key: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    const text = (await readFile(resolve(file), "utf8")).trim();
    if (text !== "") return text;
  } catch (cause) {
    throw new GloveboxError("invalid_argument", `${key}: the file cannot be read`, { cause });
  }
  throw new GloveboxError("invalid_argument", `${key}: the file is empty`);
}
