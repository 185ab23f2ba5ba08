import {
  type Clock,
  GloveboxError,
  newId,
  type Repository,
  type SealedValueInfo,
  toTimestamp,
} from "../../core/index.ts";
import type { Page, PageRequest, RepositoryStore } from "../../store/index.ts";
import type { ForgeTable } from "./forge-table.ts";
import { cloneUrlOf, credentialsOf, type RepositoryInput, type RepositoryRules, refuse } from "./repository-input.ts";
import type { RepositoryKeys } from "./repository-keys.ts";
import type { RepositoryValues, ValueKind } from "./repository-values.ts";

/** What may be changed. `null` removes what may be absent. */
export interface RepositoryPatch {
  readonly defaultBranch?: string;
  readonly token?: string | null;
  readonly useApp?: boolean;
  readonly maxConcurrentJobs?: number | null;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Variable extends SealedValueInfo {
  readonly value: string;
}

export interface HookRequest {
  /** Registers the webhook at the forge, to be sent there: this server's `/webhooks/…` as the forge reaches it. */
  readonly url?: string;
  /** Makes a new secret, which the one before ends to be with. */
  readonly rotate?: boolean;
}

/** Repositories as surfaces see them. Whatever names one of another tenant is `not_found`; nothing gives out a secret's value. */
export interface RepositoryService {
  /** With the secret for its webhook, shown this once. `already_exists`, `invalid_argument`, `permission_denied`, `unavailable` without the master key. */
  add(
    tenantId: string,
    input: RepositoryInput,
  ): Promise<{ readonly repository: Repository; readonly webhookSecret: string }>;
  get(tenantId: string, id: string): Promise<Repository>;
  /** Newest first. `name`: only those of that `owner/name`. */
  list(tenantId: string, page?: PageRequest & { readonly name?: string }): Promise<Page<Repository>>;
  change(tenantId: string, id: string, patch: RepositoryPatch): Promise<Repository>;
  /** With its secrets, variables and deliveries; its webhook at the forge too, where that is possible. Runs of it stay. */
  remove(tenantId: string, id: string, signal: AbortSignal): Promise<void>;
  /** Errors of the forge, and `invalid_argument` without credentials that could register it. `webhookSecret` only when it is new. */
  hook(
    tenantId: string,
    id: string,
    request: HookRequest,
    signal: AbortSignal,
  ): Promise<{ readonly repository: Repository; readonly webhookSecret?: string }>;
  setSecret(place: ServicePlace, input: { readonly name: string; readonly value: string }): Promise<SealedValueInfo>;
  listSecrets(place: ServicePlace): Promise<readonly SealedValueInfo[]>;
  deleteSecret(place: ServicePlace, name: string): Promise<void>;
  setVariable(place: ServicePlace, input: { readonly name: string; readonly value: string }): Promise<Variable>;
  listVariables(place: ServicePlace): Promise<readonly Variable[]>;
  deleteVariable(place: ServicePlace, name: string): Promise<void>;
}

export interface ServicePlace {
  readonly tenantId: string;
  readonly id: string;
  readonly environment?: string;
}

export interface RepositoryServiceOptions {
  readonly store: RepositoryStore;
  readonly keys: RepositoryKeys;
  readonly values: RepositoryValues;
  readonly forges: ForgeTable;
  readonly rules: RepositoryRules;
  readonly clock: Clock;
}

export function createRepositoryService(options: RepositoryServiceOptions): RepositoryService {
  const { store, keys, values } = options;
  const find = async (tenantId: string, id: string): Promise<Repository> => {
    const found = await store.get(tenantId, id);
    if (found === undefined) throw new GloveboxError("not_found", `there is no repository ${id}`);
    return found;
  };
  const placeOf = async (kind: ValueKind, { tenantId, id, environment }: ServicePlace) => {
    await find(tenantId, id);
    return { tenantId, repositoryId: id, kind, ...(environment !== undefined && { environment }) };
  };
  return {
    add: (tenantId, input) => add(options, tenantId, input),
    get: find,
    async list(tenantId, { name, ...page } = {}) {
      if (name === undefined) return await store.list(tenantId, page);
      return { items: await store.byName(tenantId, name) };
    },
    change: async (tenantId, id, patch) => await change(options, await find(tenantId, id), patch),
    async remove(tenantId, id, signal) {
      const repository = await find(tenantId, id);
      const { hook } = repository;
      if (hook !== undefined) {
        const hooks = options.forges[repository.forge].hooks(repository, await keys.credentials(repository));
        // What cannot be taken back there must not keep anybody from taking it away here.
        await hooks?.remove(hook.id, signal).catch(() => {});
      }
      await store.delete(tenantId, id);
    },
    hook: async (tenantId, id, request, signal) => await hook(options, await find(tenantId, id), request, signal),
    setSecret: async (place, input) => await values.set(await placeOf("secrets", place), input),
    listSecrets: async (place) => await values.list(await placeOf("secrets", place)),
    deleteSecret: async (place, name) => await values.delete(await placeOf("secrets", place), name),
    async setVariable(place, input) {
      const info = await values.set(await placeOf("variables", place), input);
      return { ...info, value: input.value };
    },
    async listVariables(place) {
      const where = await placeOf("variables", place);
      const [infos, opened] = await Promise.all([values.list(where), values.open(where)]);
      return infos.map((info) => ({ ...info, value: opened[info.name] ?? "" }));
    },
    deleteVariable: async (place, name) => await values.delete(await placeOf("variables", place), name),
  };
}

async function add({ store, keys, rules, clock }: RepositoryServiceOptions, tenantId: string, input: RepositoryInput) {
  const { forge, fullName, defaultBranch = "main", labels = {}, maxConcurrentJobs, token } = input;
  const at = toTimestamp(clock.nowMs());
  const repository: Repository = {
    id: newId(),
    tenantId,
    forge,
    fullName,
    cloneUrl: cloneUrlOf(input, rules),
    defaultBranch,
    credentials: credentialsOf(tenantId, input, rules),
    labels,
    ...(maxConcurrentJobs !== undefined && { maxConcurrentJobs }),
    createdAt: at,
    updatedAt: at,
  };
  await store.create(repository);
  try {
    if (token !== undefined) await keys.setToken(repository, token);
    return { repository, webhookSecret: await keys.newWebhookSecret(repository) };
  } catch (error) {
    await store.delete(tenantId, repository.id);
    throw error;
  }
}

async function change(options: RepositoryServiceOptions, repository: Repository, patch: RepositoryPatch) {
  const { store, keys, rules, clock } = options;
  const { token, useApp, maxConcurrentJobs, defaultBranch, labels } = patch;
  const { maxConcurrentJobs: before, ...rest } = repository;
  const most = maxConcurrentJobs === undefined ? before : (maxConcurrentJobs ?? undefined);
  const asksForOther = token !== undefined || useApp !== undefined;
  const wanted = {
    ...repository,
    ...(typeof token === "string" && { token }),
    ...(useApp !== undefined && { useApp }),
  };
  const changed: Repository = {
    ...rest,
    ...(most !== undefined && { maxConcurrentJobs: most }),
    ...(defaultBranch !== undefined && { defaultBranch }),
    ...(labels !== undefined && { labels }),
    credentials: asksForOther ? credentialsOf(repository.tenantId, wanted, rules) : repository.credentials,
    updatedAt: toTimestamp(clock.nowMs()),
  };
  if (typeof token === "string") await keys.setToken(repository, token);
  else if (asksForOther) await keys.forgetToken(repository);
  if (await store.put(changed)) return changed;
  throw new GloveboxError("not_found", `there is no repository ${repository.id}`);
}

async function hook(
  { store, keys, forges, clock }: RepositoryServiceOptions,
  repository: Repository,
  { url, rotate = false }: HookRequest,
  signal: AbortSignal,
) {
  const kept = rotate ? undefined : await keys.webhookSecret(repository);
  const secret = kept ?? (await keys.newWebhookSecret(repository));
  const shown = kept === undefined ? { webhookSecret: secret } : {};
  const target = url ?? repository.hook?.url;
  // Without a webhook of ours at the forge there is nobody there to tell.
  if (target === undefined) return { repository, ...shown };
  const hooks = forges[repository.forge].hooks(repository, await keys.credentials(repository));
  if (hooks === undefined) {
    throw refuse("url", "without a token or the App the webhook cannot be registered: do that at the forge");
  }
  const id = await hooks.register({ url: target, secret }, signal);
  const changed = { ...repository, hook: { id, url: target }, updatedAt: toTimestamp(clock.nowMs()) };
  await store.put(changed);
  return { repository: changed, ...shown };
}
