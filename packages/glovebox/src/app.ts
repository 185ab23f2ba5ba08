/** The only file that knows every room: builds them from the configuration and wires them. */
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import type { OpenAgents } from "./agents/index.ts";
import { openAgents } from "./app/agents.ts";
import { openChat } from "./app/chat.ts";
import { openCi, openInsights } from "./app/ci.ts";
import { openContext } from "./app/context.ts";
import { keepDiagnosis } from "./app/doctor.ts";
import { openDrivers } from "./app/drivers.ts";
import { openForges } from "./app/forges.ts";
import { openGovernance } from "./app/governance.ts";
import { openHostImages } from "./app/images.ts";
import { withLocalToken } from "./app/local-token.ts";
import { openOutside, packageSettings } from "./app/outside.ts";
import { poolSettings } from "./app/pools.ts";
import { applyRetention, sweepRegularly } from "./app/retention.ts";
import { openRuns } from "./app/runs.ts";
import { openTranslate } from "./app/translate.ts";
import type { OpenChat, ProjectServices } from "./chat/index.ts";
import type { OpenCiRuns } from "./ci/index.ts";
import type { Config, LoadedConfig } from "./config/index.ts";
import { type Run, systemClock } from "./core/index.ts";
import {
  createAddressList,
  createRedactor,
  createRoleAuthorizer,
  createTokenBucket,
  createTokenService,
  DEFAULT_TENANT,
} from "./governance/index.ts";
import { createSessionServices } from "./sessions/index.ts";
import { openSqliteStore } from "./store/index.ts";
import { buildHttpServer, type Guards, listen, OPERATIONS } from "./surfaces/index.ts";
import { createLogger, createMetrics } from "./telemetry/index.ts";

export const VERSION: string = packageJson.version;

export interface App {
  readonly url: string;
  /** For this machine's commands: stands for the root token as long as this server runs. */
  readonly localToken: string;
  /** Only at the first start on a data folder: shown once. */
  readonly rootToken?: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Stops taking requests, lets running ones end, lets go of live sandboxes, closes the store. Idempotent. */
  close(): Promise<void>;
}

export interface StartOptions {
  /** Becomes the root token's secret at the first start on a data folder. */
  readonly rootToken?: string;
  /** The master key for secrets, as `GLOVEBOX_SECRETS_KEY` has it; without it the key is in a file. */
  readonly secretsKey?: string;
}

/** What earlier parts reach of later ones, once those are open. */
interface Late {
  chat?: OpenChat;
  ci?: OpenCiRuns;
  agents?: OpenAgents;
  readonly project: PromiseWithResolvers<ProjectServices>;
}

/**
 * Starts a server; resolves when it answers requests. Errors: `unavailable` when another server has the data folder, `conflict`
 * when the port is taken, `store_failed` when the folder cannot be used. What was opened by then is closed again.
 */
export async function startApp(loaded: LoadedConfig, options: StartOptions = {}): Promise<App> {
  const { config } = loaded;
  await using opened = new AsyncDisposableStack();
  const redactor = createRedactor(config.redaction.profile, { fields: config.redaction.fields });
  const logger = createLogger({ level: config.logLevel, redactor });
  opened.defer(() => logger.flush());
  const metrics = createMetrics();
  const store = opened.use(await openSqliteStore({ dataDir: config.dataDir, logger }));
  const { audit, secrets } = opened.use(
    await openGovernance({ config, store, logger, redactor, secretsKey: options.secretsKey }),
  );
  const drivers = openDrivers(config, logger);
  for (const driver of drivers.values()) opened.use(driver);
  const outside = opened.use(await openOutside({ config, audit, secrets, logger }));
  const { dataDir, quotas } = config;
  const packages = await packageSettings(config.packages);
  const services = opened.use(
    createSessionServices({
      ...{ store, drivers, dataDir, logger, metrics, redactor, quotas, outside, packages },
      pools: poolSettings(config.pools, DEFAULT_TENANT),
    }),
  );
  await applyRetention(store, config.retention);
  logger.info({ ...(await services.recover()) }, "recovered what the last server left");
  const context = opened.use(openContext(config, logger));
  const late: Late = { project: Promise.withResolvers() };
  const onEnd = async (run: Run) => {
    await Promise.all([late.chat?.onRunEnd(run), late.ci?.onRunEnd(run), late.agents?.onRunEnd(run)]);
  };
  const durable = opened.use(await openRuns({ config, store, services, context, logger, metrics, redactor, onEnd }));
  const { engine: runs } = durable;
  const chat = opened.use(await openChat({ config, store, services, runs, logger, redactor, late }));
  late.chat = chat;
  await chat.takeUp();
  const forges = await openForges({ config, store, sealedValues: secrets.sealedValues, logger });
  const insights = opened.use(openInsights({ store, services, logger }));
  const observers = [insights, opened.use(await forges.reporter({ services, insights }))];
  const ci = opened.use(
    await openCi({ config, store, services, ...durable, secrets, forges, observers, logger, redactor }),
  );
  late.ci = ci;
  const translate = openTranslate(config.ci.translate, runs);
  await ci.takeUp();
  const agents = opened.use(await openAgents({ config, store, ...durable, context, forges, logger, late }));
  late.agents = agents;
  const webhooks = opened.use(forges.intake(ci));
  await webhooks.takeUp();

  const governed = createTokenService({ tokens: store.tokens, settings: store.settings, clock: systemClock, logger });
  const root = await governed.ensureRoot(options.rootToken);
  const local = withLocalToken(governed, root.token.id);
  const server = await buildHttpServer(
    {
      services,
      runs,
      chat,
      ci,
      insights,
      translate,
      context,
      ...agents.surfaces,
      repositories: forges.service,
      webhooks,
      store,
      tokens: local.tokens,
      authorizer: createRoleAuthorizer(OPERATIONS),
      audit,
      secrets,
      egress: outside.egress,
      images: openHostImages(config, logger),
      ...{ clock: systemClock, logger, metrics, redactor },
      settings: config.http,
      version: VERSION,
      ...(config.auth.loopbackWithoutToken && { loopbackPrincipal: local.principal }),
      doctor: keepDiagnosis(drivers),
      configReport: () => ({ values: [...loaded.values], ...(loaded.file !== undefined && { file: loaded.file }) }),
      tempDir: join(dataDir, "tmp"),
    },
    guardsOf(config),
  );
  opened.defer(() => server.close());
  opened.use(sweepRegularly(store, logger));
  const { url } = await listen(server.app, { ...config, maxConnections: config.http.maxConnections });
  logger.info({ url, dataDir, version: VERSION }, "answering requests");
  return asApp(opened.move(), { url, localToken: local.secret, rootToken: root.secret, dataDir });
}

function asApp(
  opened: AsyncDisposableStack,
  { rootToken, ...known }: { url: string; localToken: string; rootToken: string | undefined; dataDir: string },
): App {
  let closing: Promise<void> | undefined;
  return {
    ...known,
    ...(rootToken !== undefined && { rootToken }),
    pid: process.pid,
    close: () => {
      closing ??= opened.disposeAsync();
      return closing;
    },
  };
}

function guardsOf({ rateLimit, auth }: Config): Guards {
  const perMinute = auth.failuresPerMinute;
  return {
    requests: createTokenBucket({ ...rateLimit, clock: systemClock }),
    authenticationFailures: createTokenBucket({
      perSecond: perMinute / 60,
      burst: Math.max(1, perMinute),
      clock: systemClock,
    }),
    addresses: createAddressList(auth.ipAllowList),
  };
}
