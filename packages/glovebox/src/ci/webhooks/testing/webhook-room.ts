import { type Repository, type SealedValues, silentLogger, systemClock } from "../../../core/index.ts";
import { createGiteaForge, createGitHubForge, createLocalForge, type ForgeEvent } from "../../../forges/index.ts";
import type { Store } from "../../../store/index.ts";
import { RepositoryKeys } from "../../repositories/repository-keys.ts";
import { createRepositoryService, type RepositoryService } from "../../repositories/repository-service.ts";
import { RepositoryValues } from "../../repositories/repository-values.ts";
import { createWebhookIntake, type WebhookIntake, type WebhookIntakeOptions } from "../webhook-intake.ts";

export interface WebhookRoom {
  readonly repositories: RepositoryService;
  readonly webhooks: WebhookIntake;
  readonly acted: { readonly event: ForgeEvent; readonly repository: Repository }[];
}

/** For tests: repositories and webhooks over a store, with what they ask for written down instead of run. */
export function webhookRoom(
  { store, sealedValues }: { readonly store: Store; readonly sealedValues: SealedValues },
  options: Partial<WebhookIntakeOptions> = {},
): WebhookRoom {
  const keys = new RepositoryKeys(sealedValues);
  const app = { appId: "1", privateKey: "never used here" };
  const forges = {
    github: createGitHubForge({ apiUrl: "http://127.0.0.1:1", app, clock: systemClock }),
    gitea: createGiteaForge(),
    local: createLocalForge(),
  };
  const acted: WebhookRoom["acted"] = [];
  const rules = {
    gitHubUrl: "https://github.com",
    localFolders: ["/srv/git"],
    appTenants: ["default"],
    hasApp: true,
  };
  const values = new RepositoryValues(sealedValues);
  const unlimited = { take: () => 0 };
  return {
    acted,
    repositories: createRepositoryService({
      store: store.repositories,
      keys,
      values,
      forges,
      rules,
      clock: systemClock,
    }),
    webhooks: createWebhookIntake({
      repositories: store.repositories,
      deliveries: store.deliveries,
      keys,
      forges,
      limits: { addresses: unlimited, repositories: unlimited },
      act: async (event, repository) => {
        acted.push({ event, repository });
        return "done";
      },
      clock: systemClock,
      logger: silentLogger,
      ...options,
    }),
  };
}
