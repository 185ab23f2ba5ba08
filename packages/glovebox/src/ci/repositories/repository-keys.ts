import { randomBytes } from "node:crypto";
import type { Repository, SealedValues } from "../../core/index.ts";
import type { ForgeCredentials } from "../../forges/index.ts";
import { repositoryScope } from "../../store/index.ts";

const TOKEN = "TOKEN";
const WEBHOOK = "WEBHOOK";

/** What a repository and its forge know each other by: the token, and the secret that webhooks are signed with. Sealed on disk. */
export class RepositoryKeys {
  readonly #values: SealedValues;

  constructor(values: SealedValues) {
    this.#values = values;
  }

  async setToken({ tenantId, id }: Repository, token: string): Promise<void> {
    await this.#values.set(tenantId, scopeOf(id), { name: TOKEN, value: token, max: 2 });
  }

  async forgetToken({ tenantId, id }: Repository): Promise<void> {
    await this.#values.delete(tenantId, scopeOf(id), TOKEN);
  }

  /** A new secret, in the place of the one before. */
  async newWebhookSecret({ tenantId, id }: Repository): Promise<string> {
    const secret = randomBytes(32).toString("hex");
    await this.#values.set(tenantId, scopeOf(id), { name: WEBHOOK, value: secret, max: 2 });
    return secret;
  }

  async webhookSecret({ tenantId, id }: Repository): Promise<string | undefined> {
    return (await this.#values.open(tenantId, scopeOf(id)))[WEBHOOK];
  }

  async credentials({ tenantId, id, credentials }: Repository): Promise<ForgeCredentials> {
    if (credentials !== "token") return { kind: credentials };
    const token = (await this.#values.open(tenantId, scopeOf(id)))[TOKEN];
    return token === undefined ? { kind: "none" } : { kind: "token", token };
  }
}

function scopeOf(id: string): string {
  return `${repositoryScope(id)}keys`;
}
