import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../../config/index.ts";
import { type Logger, type Principal, silentLogger, systemClock } from "../../../core/index.ts";
import { type DurableEngine, openEmbeddedEngine, type Program } from "../../../engine/index.ts";
import {
  type AuditLog,
  createAddressList,
  createAuditLog,
  createRedactor,
  createRoleAuthorizer,
  createSecrets,
  createTokenBucket,
  createTokenService,
  type GovernedTokens,
  type Secrets,
} from "../../../governance/index.ts";
import type { SessionServices } from "../../../sessions/index.ts";
import { openSqliteStore, type Store } from "../../../store/index.ts";
import { OPERATIONS } from "../../operations/index.ts";
import { listen } from "../listen.ts";
import type { HttpServerOptions, HttpSettings } from "../options.ts";
import { buildHttpServer, type Guards, type HttpServer } from "../server.ts";

/** For tests: a real server on loopback over a real store in a folder of its own. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly root: string;
  readonly store: Store;
  readonly tokens: GovernedTokens;
  readonly audit: AuditLog;
  readonly secrets: Secrets;
  readonly runs: DurableEngine;
  readonly http: HttpServer;
  readonly dataDir: string;
  /** A request with the root token; other headers win. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The same with a JSON body. */
  send(method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Makes a token and gives its secret. */
  token(roles: Principal["roles"], tenantId?: string): Promise<string>;
}

export interface TestServerOptions {
  readonly settings?: Partial<HttpSettings>;
  readonly guards?: Partial<Guards>;
  readonly loopbackPrincipal?: Principal;
  readonly logger?: Logger;
  readonly doctor?: HttpServerOptions["doctor"];
  readonly egress?: HttpServerOptions["egress"];
  /** Default true. Without it nothing is recorded. */
  readonly audited?: boolean;
  /** Programs that can be started as runs; default none. */
  readonly programs?: readonly Program[];
  /** Other parts of the server over the same store. */
  readonly parts?: (room: { store: Store; secrets: Secrets; dataDir: string }) => Promise<Partial<HttpServerOptions>>;
  /** Default: none, for tests of what comes before the services. */
  readonly services?: (room: { store: Store; dataDir: string }) => Promise<SessionServices>;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  await using opened = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-http-"));
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  const logger = options.logger ?? silentLogger;
  const store = opened.use(await openSqliteStore({ dataDir }));
  const audit = createAuditLog({ store: store.audit, clock: systemClock, logger, redactor: createRedactor("default") });
  opened.defer(() => audit.close());
  const secrets = createSecrets({
    secrets: store.secrets,
    authorities: store.authorities,
    sealedValues: store.sealedValues,
    keyFile: join(dataDir, "secrets.key"),
    clock: systemClock,
    logger,
  });
  const services = await options.services?.({ store, dataDir });
  if (services !== undefined) opened.use(services);
  const runs = opened.use(await openEmbeddedEngine({ store, programs: options.programs ?? [] }));
  const tokens = createTokenService({ tokens: store.tokens, settings: store.settings, clock: systemClock, logger });
  const { token, secret: root = "" } = await tokens.ensureRoot();
  const loaded = loadConfig({ env: { GLOVEBOX_DATA: dataDir }, cwd: dataDir });
  const { config } = loaded;
  const http = await buildHttpServer(
    {
      services: services ?? noServices(),
      runs,
      store,
      tokens,
      authorizer: createRoleAuthorizer(OPERATIONS),
      ...(options.audited === false ? {} : { audit }),
      secrets,
      ...(options.egress === undefined ? {} : { egress: options.egress }),
      clock: systemClock,
      logger,
      version: "0.0.0-test",
      settings: { ...config.http, ...options.settings },
      doctor: options.doctor ?? noIsolations,
      configReport: () => ({ values: [...loaded.values] }),
      tempDir: join(dataDir, "tmp"),
      ...(await options.parts?.({ store, secrets, dataDir })),
      ...(options.loopbackPrincipal === undefined ? {} : { loopbackPrincipal: options.loopbackPrincipal }),
    },
    {
      requests: createTokenBucket({ ...config.rateLimit, clock: systemClock }),
      authenticationFailures: createTokenBucket({ perSecond: 1000, burst: 1000, clock: systemClock }),
      addresses: createAddressList([]),
      ...options.guards,
    },
  );
  opened.defer(() => http.close());
  const { url } = await listen(http.app, { host: "127.0.0.1", port: 0 });
  const resources = opened.move();
  const request = (path: string, init: RequestInit = {}) =>
    fetch(url + path, {
      ...init,
      headers: { authorization: `Bearer ${root}`, ...(init.headers as Record<string, string>) },
    });
  return {
    url,
    root,
    store,
    tokens,
    audit,
    secrets,
    runs,
    http,
    dataDir,
    request,
    send: (method, path, body, headers = {}) =>
      request(path, {
        method,
        body: JSON.stringify(body),
        headers: { "content-type": "application/json", ...headers },
      }),
    token: async (roles, tenantId) => {
      const maker: Principal = {
        tenantId: token.tenantId,
        tokenId: token.id,
        name: "root",
        roles: ["admin"],
        root: true,
      };
      const input = { name: "test", roles: [...roles], ...(tenantId === undefined ? {} : { tenantId }) };
      return (await tokens.create(maker, input)).secret;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const noIsolations: HttpServerOptions["doctor"] = async () => ({
  node: process.version,
  platform: process.platform,
  kvm: false,
  isolations: [],
  languages: [],
  ok: false,
});

/** Fails loudly where a test reaches a service that it did not ask for. */
function noServices(): SessionServices {
  return new Proxy({} as SessionServices, {
    get: (_target, name) => {
      const isService =
        name === "templates" ||
        name === "sessions" ||
        name === "executions" ||
        name === "snapshots" ||
        name === "pools";
      if (isService) return noServices();
      throw new Error(`this test has no services, but ${String(name)} was used`);
    },
  });
}
