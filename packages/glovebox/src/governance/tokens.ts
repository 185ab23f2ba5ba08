import {
  type Authentication,
  type Clock,
  GloveboxError,
  type Logger,
  newId,
  type Principal,
  ROLE_ORDER,
  type Role,
  type Token,
  type TokenInput,
  type TokenPage,
  type TokenService,
  toTimestamp,
} from "../core/index.ts";
import type { SettingsStore, TokenStore } from "../store/index.ts";
import { createRootToken, DEFAULT_TENANT } from "./root-token.ts";
import { hashSecret, isSecretShaped, makeSecret, secretPrefix } from "./secret.ts";

/** How long a looked-up token is trusted without asking the store again; a revoked one is dropped at once. */
const CACHE_MS = 2000;
const CACHE_ENTRIES = 1024;
const TOUCH_EVERY_MS = 60_000;

export interface TokenServiceOptions {
  readonly tokens: TokenStore;
  readonly settings: SettingsStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface GovernedTokens extends TokenService {
  /**
   * Makes the root token when there is none. `secret` is set only then: it is shown once and cannot be read again.
   * With `chosen` (GLOVEBOX_TOKEN at the first start) that text becomes the secret. `invalid_argument` when it is too weak.
   */
  ensureRoot(chosen?: string): Promise<{ readonly token: Token; readonly secret?: string }>;
  /** Revokes the root token and makes another; for who has lost it and has the data folder. */
  resetRoot(chosen?: string): Promise<{ readonly token: Token; readonly secret: string }>;
}

interface Cached {
  readonly token: Token;
  readonly untilMs: number;
}

export function createTokenService(options: TokenServiceOptions): GovernedTokens {
  const { tokens, clock } = options;
  const cache = new Map<string, Cached>();
  const touched = new Map<string, number>();

  async function store(token: Omit<Token, "id" | "createdAt" | "prefix">, secret: string): Promise<Token> {
    const full: Token = {
      ...token,
      id: newId(clock.nowMs()),
      createdAt: toTimestamp(clock.nowMs()),
      prefix: secretPrefix(secret),
    };
    await tokens.create(full, hashSecret(secret));
    return full;
  }

  async function lookUp(secret: string): Promise<Token | undefined> {
    const key = hashSecret(secret);
    const known = cache.get(key);
    const nowMs = clock.monotonicMs();
    if (known !== undefined && known.untilMs > nowMs) return known.token;
    const token = await tokens.findByHash(key);
    cache.delete(key);
    if (token !== undefined) {
      if (cache.size >= CACHE_ENTRIES) cache.delete(cache.keys().next().value ?? "");
      cache.set(key, { token, untilMs: nowMs + CACHE_MS });
    }
    return token;
  }

  /** Records the use at most once a minute, beside the request: a failure here must not fail it. */
  function touch(token: Token): void {
    const nowMs = clock.monotonicMs();
    const last = touched.get(token.id);
    if (last !== undefined && nowMs - last < TOUCH_EVERY_MS) return;
    if (touched.size >= CACHE_ENTRIES) touched.clear();
    touched.set(token.id, nowMs);
    tokens.touch(token.id, toTimestamp(clock.nowMs())).catch((error: unknown) => {
      options.logger.warn({ tokenId: token.id, error: String(error) }, "could not record the use of a token");
    });
  }

  async function authenticate(secret: string | undefined): Promise<Authentication> {
    if (secret === undefined || secret === "") return { ok: false, failure: "missing" };
    if (!isSecretShaped(secret)) return { ok: false, failure: "unknown" };
    const token = await lookUp(secret);
    if (token === undefined) return { ok: false, failure: "unknown" };
    if (token.expiresAt !== undefined && Date.parse(token.expiresAt) <= clock.nowMs()) {
      return { ok: false, failure: "expired" };
    }
    touch(token);
    return { ok: true, principal: toPrincipal(token) };
  }

  const root = createRootToken(options, store);

  return {
    authenticate,
    ensureRoot: root.ensure,
    async resetRoot(chosen) {
      const made = await root.reset(chosen);
      cache.clear();
      return made;
    },
    async create(maker: Principal, input: TokenInput) {
      const tenantId = checkMaker(maker, input);
      if (input.expiresAt !== undefined && Date.parse(input.expiresAt) <= clock.nowMs()) {
        throw new GloveboxError("invalid_argument", "the token would have expired already", {
          details: { path: "expiresAt" },
        });
      }
      const secret = makeSecret();
      const expiresAt = input.expiresAt === undefined ? {} : { expiresAt: toTimestamp(Date.parse(input.expiresAt)) };
      const token = await store(
        { tenantId, name: input.name, roles: [...new Set(input.roles)], root: false, ...expiresAt },
        secret,
      );
      return { token, secret };
    },
    async list(tenantId, page): Promise<TokenPage> {
      return await tokens.list(tenantId, page);
    },
    async delete(tenantId, id) {
      if (tenantId === DEFAULT_TENANT && (await root.isRoot(id))) {
        throw new GloveboxError(
          "conflict",
          "the root token cannot be deleted; `glovebox token reset-root` replaces it",
        );
      }
      const existed = await tokens.delete(tenantId, id);
      for (const [key, entry] of cache) if (entry.token.id === id) cache.delete(key);
      if (!existed) throw new GloveboxError("not_found", "no such token");
    },
  };
}

function toPrincipal(token: Token): Principal {
  const { tenantId, id: tokenId, name, roles, root, expiresAt } = token;
  return { tenantId, tokenId, name, roles, root, ...(expiresAt !== undefined && { expiresAt }) };
}

/** Nobody makes a token that may more or lives longer than its maker, or in a tenant that is not the maker's. */
function checkMaker(maker: Principal, input: TokenInput): string {
  const tenantId = input.tenantId ?? maker.tenantId;
  if (tenantId !== maker.tenantId && !maker.root) {
    throw new GloveboxError("permission_denied", "only the root token may make tokens for another tenant");
  }
  const rank = (role: Role) => ROLE_ORDER.indexOf(role);
  const most = Math.max(...maker.roles.map(rank));
  const tooMuch = input.roles.find((role) => rank(role) > most);
  if (tooMuch !== undefined && !maker.root) {
    throw new GloveboxError("permission_denied", `you do not have the role ${tooMuch} that the token would have`);
  }
  if (maker.expiresAt !== undefined && !(Date.parse(input.expiresAt ?? "") <= Date.parse(maker.expiresAt))) {
    throw new GloveboxError(
      "permission_denied",
      `your own token ends at ${maker.expiresAt}, and the new one must by then`,
      {
        details: { path: "expiresAt" },
      },
    );
  }
  return tenantId;
}
