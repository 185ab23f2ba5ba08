import { type Clock, GloveboxError, type Logger, type RateLimiter, type Repository } from "../../core/index.ts";
import type { Delivery, Forge, ForgeEvent, RawDelivery } from "../../forges/index.ts";
import type { DeliveryStore, RepositoryStore } from "../../store/index.ts";
import type { ForgeTable } from "../repositories/forge-table.ts";
import type { RepositoryKeys } from "../repositories/repository-keys.ts";
import { DeliveryWork } from "./delivery-work.ts";

/** Where webhooks come from. */
export type WebhookForge = "github" | "gitea";

/** What became of a delivery by the time it is answered. */
export interface Receipt {
  readonly deliveryId: string;
  /** `ignored`: nothing can come of such an event. `duplicate`: it was here before, and is not done again. */
  readonly status: "accepted" | "ignored" | "duplicate";
}

export interface WebhookIntake extends AsyncDisposable {
  /** Before a body is read: `rate_limited` for the address, `unauthenticated` without a signature. */
  admit(forge: WebhookForge, headers: RawDelivery["headers"], address: string): void;
  /**
   * Keeps a delivery and answers; the work goes on, across a restart too. Errors, in this order: `unauthenticated` without a signature,
   * `invalid_argument` for what is no delivery, `not_found` for a repository that nobody has, `unauthenticated` for a wrong signature,
   * `rate_limited` for the repository, `unavailable` without the master key.
   */
  take(forge: WebhookForge, raw: RawDelivery): Promise<Receipt>;
  /** Goes on with what the last server had answered and not done. */
  takeUp(): Promise<void>;
}

export interface WebhookIntakeOptions {
  readonly repositories: RepositoryStore;
  readonly deliveries: DeliveryStore;
  readonly keys: RepositoryKeys;
  readonly forges: ForgeTable;
  /** What the App's own deliveries are signed with. */
  readonly appSecret?: string;
  /** Has the event acted upon. May be called again for the same delivery after a crash. */
  readonly act: (event: ForgeEvent, repository: Repository, signal: AbortSignal) => Promise<string>;
  readonly limits: { readonly addresses: RateLimiter; readonly repositories: RateLimiter };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Forges deliver again for some days; ids are remembered for longer. */
const REMEMBERED_MS = 30 * 86_400_000;

export function createWebhookIntake(options: WebhookIntakeOptions): WebhookIntake {
  const work = new DeliveryWork(options);
  return {
    admit(kind, headers, address) {
      limited(options.limits.addresses.take(address), "from this address");
      checkSigned(options.forges[kind], { headers, body: Buffer.alloc(0) });
    },
    async take(kind, raw) {
      const { forges, limits, logger } = options;
      const forge = forges[kind];
      checkSigned(forge, raw);
      const delivery = forge.read(raw);
      const receipt = { deliveryId: delivery.id };
      if (delivery.repository === undefined) {
        await checkAppDelivery(options, forge, raw);
        return { ...receipt, status: "ignored" };
      }
      const signers = await signersOf(options, forge, raw, delivery);
      const event = forge.event(delivery);
      if (event === undefined) return { ...receipt, status: "ignored" };
      let isNew = false;
      for (const repository of signers) {
        limited(limits.repositories.take(repository.id), "for this repository");
        isNew = (await keep(options, repository, delivery)) || isNew;
        work.look();
      }
      logger.info(
        { delivery: delivery.id, event: delivery.event, repository: delivery.repository, isNew },
        "a delivery",
      );
      return { ...receipt, status: isNew ? "accepted" : "duplicate" };
    },
    takeUp: async () => work.look(),
    [Symbol.asyncDispose]: () => work[Symbol.asyncDispose](),
  };
}

function checkSigned(forge: Forge, raw: RawDelivery): void {
  if (!forge.isSigned(raw)) throw new GloveboxError("unauthenticated", "the delivery is not signed");
}

function limited(waitMs: number, what: string): void {
  if (waitMs === 0) return;
  throw new GloveboxError("rate_limited", `too many deliveries ${what}`, { details: { retryAfterMs: waitMs } });
}

/** What concerns no repository can only be the App's. */
async function checkAppDelivery({ appSecret }: WebhookIntakeOptions, forge: Forge, raw: RawDelivery): Promise<void> {
  if (appSecret === undefined || forge.kind !== "github") {
    throw new GloveboxError("not_found", "this server knows no such installation");
  }
  if (!(await forge.verify(raw, [appSecret]))) throw wrongSignature();
}

/** The repositories of that name whose secret signed it: every tenant's own. */
async function signersOf(
  { repositories, keys, appSecret }: WebhookIntakeOptions,
  forge: Forge,
  raw: RawDelivery,
  delivery: Delivery,
): Promise<readonly Repository[]> {
  const named = await repositories.named(forge.kind, delivery.repository ?? "");
  if (named.length === 0) throw new GloveboxError("not_found", "this server knows no such repository");
  const found: Repository[] = [];
  for (const repository of named) {
    const own = await keys.webhookSecret(repository);
    const secrets = [own, repository.credentials === "app" ? appSecret : undefined];
    if (
      await forge.verify(
        raw,
        secrets.filter((secret) => secret !== undefined),
      )
    )
      found.push(repository);
  }
  if (found.length === 0) throw wrongSignature();
  return found;
}

function wrongSignature(): GloveboxError {
  return new GloveboxError("unauthenticated", "the delivery's signature is wrong");
}

async function keep(
  { deliveries, clock }: WebhookIntakeOptions,
  { id: repositoryId, tenantId }: Repository,
  { id, event, payload }: Delivery,
): Promise<boolean> {
  const receivedAtMs = clock.nowMs();
  const body = Buffer.from(JSON.stringify(payload));
  return await deliveries.begin(
    { repositoryId, tenantId, id, event, receivedAtMs, body },
    receivedAtMs - REMEMBERED_MS,
  );
}
