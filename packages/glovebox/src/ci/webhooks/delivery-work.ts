import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError, isGloveboxError, type Logger, toGloveboxError } from "../../core/index.ts";
import type { DeliveryRecord } from "../../store/index.ts";
import type { WebhookIntakeOptions } from "./webhook-intake.ts";

/** Deliveries whose work is done at the same time; those that wait for their next try do not count. */
const AT_ONCE = 8;
/** Waits between tries, milliseconds: a forge that is down for a while loses nobody's push. */
const WAITS_MS = [1000, 5000, 30_000, 120_000, 600_000];
/** For one try, with all that is fetched. */
const TIMEOUT_MS = 900_000;

/** Does the work of the deliveries that are kept, in the order in which they came, each until it is done or cannot be. */
export class DeliveryWork implements AsyncDisposable {
  readonly #options: WebhookIntakeOptions;
  readonly #logger: Logger;
  readonly #stopped = new AbortController();
  readonly #taken = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  #working = 0;
  #looking: Promise<void> | undefined;
  #lookAgain = false;

  constructor(options: WebhookIntakeOptions) {
    this.#options = options;
    this.#logger = options.logger;
  }

  /** Something may have come. */
  look(): void {
    if (this.#stopped.signal.aborted) return;
    this.#lookAgain = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => {
      this.#looking = undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort(new GloveboxError("cancelled", "the server is shutting down"));
    await this.#looking;
    await Promise.all(this.#underWay);
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#lookAgain && !this.#stopped.signal.aborted) {
      this.#lookAgain = false;
      if (this.#working >= AT_ONCE) return; // whoever ends looks again
      const pending = await this.#options.deliveries.pending(this.#taken.size + AT_ONCE);
      for (const delivery of pending) {
        if (this.#working >= AT_ONCE) break;
        if (!this.#taken.has(keyOf(delivery))) this.#begin(delivery);
      }
    }
  }

  #begin(delivery: DeliveryRecord): void {
    const key = keyOf(delivery);
    this.#taken.add(key);
    const work = this.#untilDone(delivery).finally(() => {
      this.#taken.delete(key);
      this.#underWay.delete(work);
    });
    this.#underWay.add(work);
  }

  async #untilDone(delivery: DeliveryRecord): Promise<void> {
    const { signal } = this.#stopped;
    const ids = { delivery: delivery.id, event: delivery.event, repositoryId: delivery.repositoryId };
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#tryOnce(delivery);
        return;
      } catch (error) {
        if (signal.aborted) return; // the next server has it
        const { code, message } = toGloveboxError(error);
        const waitMs = isWorthwhile(error) ? WAITS_MS[attempt] : undefined;
        this.#logger.warn({ ...ids, code, reason: message, attempt, waitMs }, "the work of a delivery failed");
        if (waitMs === undefined) {
          await this.#giveUp(delivery, code);
          return;
        }
        await sleep(waitMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
      }
    }
  }

  async #tryOnce(delivery: DeliveryRecord): Promise<void> {
    this.#working += 1;
    try {
      const outcome = await this.#act(delivery);
      await this.#options.deliveries.end(delivery.repositoryId, delivery.id, outcome);
    } finally {
      this.#working -= 1;
      this.look();
    }
  }

  async #act({ repositoryId, tenantId, id, event, body }: DeliveryRecord): Promise<string> {
    const { repositories, forges, act } = this.#options;
    const repository = await repositories.get(tenantId, repositoryId);
    if (repository === undefined) return "the repository is gone";
    const payload = JSON.parse(Buffer.from(body).toString("utf8")) as Readonly<Record<string, unknown>>;
    const found = forges[repository.forge].event({ id, event, repository: repository.fullName, payload });
    if (found === undefined) return "nothing comes of it";
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    return await act(found, repository, signal);
  }

  async #giveUp({ repositoryId, id }: DeliveryRecord, code: string): Promise<void> {
    try {
      await this.#options.deliveries.end(repositoryId, id, `failed: ${code}`);
    } catch (error) {
      // It stays, and the next server tries again.
      this.#logger.error({ delivery: id, reason: String(error) }, "could not note that a delivery failed");
    }
  }
}

function keyOf({ repositoryId, id }: DeliveryRecord): string {
  return `${repositoryId} ${id}`;
}

/** Whether the same may succeed later. */
function isWorthwhile(error: unknown): boolean {
  const later = ["forge_unavailable", "rate_limited", "timeout", "store_failed", "unavailable", "queue_full"] as const;
  return later.some((code) => isGloveboxError(error, code));
}
