import { GloveboxError, type Token } from "../core/index.ts";
import type { SettingsStore, TokenStore } from "../store/index.ts";
import { isSecretShaped, makeSecret } from "./secret.ts";

/** The tenant of the root token, and of everything on a server that never made another. */
export const DEFAULT_TENANT = "default";

const ROOT_SETTING = "governance.rootTokenId";

export interface RootToken {
  /** Makes it when there is none; `secret` is set only then. */
  ensure(chosen?: string): Promise<{ readonly token: Token; readonly secret?: string }>;
  /** Revokes it and makes another. */
  reset(chosen?: string): Promise<{ readonly token: Token; readonly secret: string }>;
  isRoot(id: string): Promise<boolean>;
}

type NewToken = Omit<Token, "id" | "createdAt" | "prefix">;

/** The one token that may everything, in every tenant. Which one it is stands in the settings. */
export function createRootToken(
  stores: { readonly tokens: TokenStore; readonly settings: SettingsStore },
  store: (token: NewToken, secret: string) => Promise<Token>,
): RootToken {
  const { tokens, settings } = stores;

  async function find(): Promise<Token | undefined> {
    const id = await settings.get(ROOT_SETTING);
    if (typeof id !== "string") return undefined;
    for await (const token of allTokens(tokens, DEFAULT_TENANT)) if (token.id === id) return token;
    return undefined;
  }

  async function make(chosen: string | undefined): Promise<{ readonly token: Token; readonly secret: string }> {
    if (chosen !== undefined && !isSecretShaped(chosen)) {
      throw new GloveboxError("invalid_argument", "a root token must have 16 to 512 printable ASCII characters", {
        details: { path: "token" },
      });
    }
    const secret = chosen ?? makeSecret();
    const token = await store({ tenantId: DEFAULT_TENANT, name: "root", roles: ["admin"], root: true }, secret);
    await settings.set(ROOT_SETTING, token.id);
    return { token, secret };
  }

  return {
    async ensure(chosen) {
      const token = await find();
      return token === undefined ? await make(chosen) : { token };
    },
    async reset(chosen) {
      const old = await find();
      const made = await make(chosen);
      if (old !== undefined) await tokens.delete(old.tenantId, old.id);
      return made;
    },
    async isRoot(id) {
      return (await settings.get(ROOT_SETTING)) === id;
    },
  };
}

async function* allTokens(tokens: TokenStore, tenantId: string): AsyncGenerator<Token> {
  let cursor: string | undefined;
  do {
    const page = await tokens.list(tenantId, cursor === undefined ? { limit: 1000 } : { limit: 1000, cursor });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
