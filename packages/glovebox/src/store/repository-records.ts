import type { Repository, RepositoryForge } from "../core/index.ts";
import type { Page, PageRequest } from "./store.ts";

/** Repositories that the server knows. */
export interface RepositoryStore {
  /** `already_exists` when the tenant has one of that forge and name, whatever its case. */
  create(repository: Repository): Promise<void>;
  get(tenantId: string, id: string): Promise<Repository | undefined>;
  /** By `owner/name`, whatever its case, newest first: one at most for each forge. */
  byName(tenantId: string, fullName: string): Promise<readonly Repository[]>;
  /** Every tenant's of that forge and name: who a delivery may be for. */
  named(forge: RepositoryForge, fullName: string): Promise<readonly Repository[]>;
  /** Newest first. */
  list(tenantId: string, page?: PageRequest): Promise<Page<Repository>>;
  /** Every tenant's. */
  all(): Promise<readonly Repository[]>;
  /** Replaces it; false when there is none such. */
  put(repository: Repository): Promise<boolean>;
  /** With all values that are sealed under its scopes, and its deliveries. */
  delete(tenantId: string, id: string): Promise<boolean>;
}

/** What belongs to a repository is sealed under scopes that begin so. */
export function repositoryScope(id: string): string {
  return `repository/${id}/`;
}

/** A value as the store keeps it: sealed before it gets here, and never opened by it. */
export interface SealedValue {
  readonly tenantId: string;
  /** What it belongs to, as a path: `repository/<id>/secrets`. */
  readonly scope: string;
  readonly name: string;
  readonly sealed: Uint8Array;
  /** Which key opens it. */
  readonly keyId: string;
  /** Counts up from 1 with every new value. */
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface SealedValueStore {
  /** Makes or replaces it. `at`: RFC 3339. `resource_exhausted` when the scope would have more than `max`. */
  put(
    value: Omit<SealedValue, "version" | "createdAt" | "updatedAt">,
    options: { readonly at: string; readonly max: number },
  ): Promise<SealedValue>;
  /** All of a scope, by name. */
  list(tenantId: string, scope: string): Promise<readonly SealedValue[]>;
  /** The scopes that begin so and have values. */
  scopes(tenantId: string, prefix: string): Promise<readonly string[]>;
  delete(tenantId: string, scope: string, name: string): Promise<boolean>;
  underOtherKey(keyId: string, limit: number): Promise<readonly SealedValue[]>;
  /** As with `SecretStore.reseal`. */
  reseal(old: SealedValue, sealed: Uint8Array, keyId: string): Promise<boolean>;
  keyIds(): Promise<readonly string[]>;
}

/** A webhook's delivery to one repository, kept until what it asks for was begun. */
export interface DeliveryRecord {
  readonly repositoryId: string;
  readonly tenantId: string;
  readonly id: string;
  readonly event: string;
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  /** Exactly what the forge sent, with the headers that matter as JSON. */
  readonly body: Uint8Array;
}

export interface DeliveryStore {
  /** Keeps it; false when the repository had one of that id before. Forgets ids that came before `forgetBeforeMs`. */
  begin(delivery: DeliveryRecord, forgetBeforeMs: number): Promise<boolean>;
  /** Those whose work is not done, oldest first, `limit` at most. */
  pending(limit: number): Promise<readonly DeliveryRecord[]>;
  /** Its work is done; only its id is kept. `outcome`: in a few words. */
  end(repositoryId: string, id: string, outcome: string): Promise<void>;
}

/** What was reported of a run of a workflow, so that it is not reported twice. */
export interface ReportRecord {
  readonly runId: string;
  readonly tenantId: string;
  /** JSON of whoever reports. */
  readonly state: unknown;
  /** The forge has all that there will be. */
  readonly done: boolean;
}

export interface ReportStore {
  get(runId: string): Promise<ReportRecord | undefined>;
  /** Makes or replaces it. */
  put(report: ReportRecord): Promise<void>;
  /** Every tenant's that are not done, oldest run first. */
  unfinished(): Promise<readonly ReportRecord[]>;
}
