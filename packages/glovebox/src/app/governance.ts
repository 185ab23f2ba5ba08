import { resolve } from "node:path";
import type { Config } from "../config/index.ts";
import { type Logger, type Redactor, systemClock } from "../core/index.ts";
import { type AuditLog, createAuditLog, createSecrets, type Secrets } from "../governance/index.ts";
import type { Store } from "../store/index.ts";

/** How often entries that are past their retention are looked for. */
const PRUNE_EVERY_MS = 86_400_000;

export interface Governance extends AsyncDisposable {
  readonly audit: AuditLog;
  readonly secrets: Secrets;
}

export interface GovernanceParts {
  readonly config: Config;
  readonly store: Store;
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** As in `GLOVEBOX_SECRETS_KEY`; without it the key is in a file. */
  readonly secretsKey: string | undefined;
}

/** The audit log, pruned daily, and the secrets. Dispose of it after everything that records and before the store. */
export async function openGovernance(parts: GovernanceParts): Promise<Governance> {
  const { config, store, logger, redactor, secretsKey } = parts;
  const { retentionDays } = config.audit;
  const audit = createAuditLog({ store: store.audit, clock: systemClock, logger, redactor, retentionDays });
  const secrets = createSecrets({
    secrets: store.secrets,
    authorities: store.authorities,
    sealedValues: store.sealedValues,
    keyFile: resolve(config.dataDir, config.secrets.keyFile ?? "secrets.key"),
    ...(secretsKey !== undefined && { environmentKey: secretsKey }),
    clock: systemClock,
    logger,
  });
  await secrets.start();
  let pruning = Promise.resolve();
  const prune = () => {
    pruning = audit.prune().then(
      (removed) => logger.debug({ removed }, "pruned the audit log"),
      (error: unknown) => logger.error({ error: String(error) }, "the audit log could not be pruned"),
    );
  };
  prune();
  const timer = setInterval(prune, PRUNE_EVERY_MS);
  timer.unref();
  return {
    audit,
    secrets,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await pruning;
      await audit.close();
    },
  };
}
