import { GloveboxError, type Logger } from "../../core/index.ts";
import type { SealedAuthorityStore, SealedValueStore, SecretStore } from "../../store/index.ts";
import { type KeyRing, type KeySource, keyOf } from "./key-ring.ts";
import { seal, unseal } from "./seal.ts";

/** What is sealed, and what it belongs to: it opens nowhere else. */
export interface Sealed {
  readonly sealed: Uint8Array;
  readonly keyId: string;
}

/** How the sealed rows of one kind get another key. */
export interface Sealing {
  /** Seals some rows anew that are not under the current key yet; resolves to how many it found. */
  resealSome(ring: KeyRing): Promise<number>;
}

export interface VaultOptions {
  readonly source: KeySource;
  readonly stores: {
    readonly secrets: Pick<SecretStore, "keyIds">;
    readonly authorities: Pick<SealedAuthorityStore, "keyIds">;
    readonly sealedValues: Pick<SealedValueStore, "keyIds">;
  };
  readonly logger: Logger;
}

/**
 * Seals and opens under the master key. Without the key that sealed what is kept, everything is refused as `unavailable`, also sealing something new:
 * a new key must never quietly stand beside one that was lost. The key is read again at the next try.
 */
export class Vault {
  readonly #options: VaultOptions;
  #ring: KeyRing | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  /** Seals, and has `keep` write it to the store before any rotation goes on. Makes the first key when nothing was ever sealed. */
  sealed<T>(value: Uint8Array, belongsTo: string, keep: (sealed: Sealed) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      this.#ring ??= (await this.#read()) ?? (await this.#options.source.create());
      return await keep(this.sealNow(this.#ring, value, belongsTo));
    });
  }

  sealNow({ current }: KeyRing, value: Uint8Array, belongsTo: string): Sealed {
    return { sealed: seal(current, value, belongsTo), keyId: current.id };
  }

  /** The caller zeroes what it gets. `what`: for the error when it does not open. */
  async open({ sealed, keyId }: Sealed, belongsTo: string, what: string): Promise<Buffer> {
    this.#ring ??= await this.#read();
    const key = this.#ring === undefined ? undefined : keyOf(this.#ring, keyId);
    const value = key === undefined ? undefined : unseal(key, sealed, belongsTo);
    if (value !== undefined) return value;
    throw new GloveboxError("unavailable", `${what} cannot be opened: what the store has is not what was sealed`);
  }

  /**
   * Seals everything under a new key, then forgets the old one. Whenever it is cut short, both keys are kept and the next start goes on.
   * `conflict` where the user must bring the new key.
   */
  rotate(sealings: readonly Sealing[]): Promise<{ readonly keyId: string; readonly resealed: number }> {
    return this.#inTurn(async () => {
      const ring = this.#ring ?? (await this.#read()) ?? (await this.#options.source.create());
      this.#ring = await this.#options.source.begin(ring);
      return await this.#resealAll(this.#ring, sealings);
    });
  }

  /** Looks for the key, and ends a rotation that was cut short. `unavailable` when the key is not there. */
  resume(sealings: readonly Sealing[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#ring ??= await this.#read();
      if (this.#ring === undefined || this.#ring.keys.length === 1) return;
      const { keyId, resealed } = await this.#resealAll(this.#ring, sealings);
      this.#options.logger.info({ keyId, resealed }, "ended a rotation of the master key for secrets");
    });
  }

  async #resealAll(ring: KeyRing, sealings: readonly Sealing[]) {
    const keyId = ring.current.id;
    let resealed = 0;
    for (const { resealSome } of sealings) {
      for (let some = await resealSome(ring); some > 0; some = await resealSome(ring)) resealed += some;
    }
    this.#ring = await this.#options.source.finish(ring);
    return { keyId, resealed };
  }

  /** Must have every key that is needed. */
  async #read(): Promise<KeyRing | undefined> {
    const { source, stores } = this.#options;
    const ring = await source.read();
    const { secrets, authorities, sealedValues } = stores;
    const ids = await Promise.all([secrets.keyIds(), authorities.keyIds(), sealedValues.keyIds()]);
    const needed = new Set(ids.flat());
    const missing = [...needed].filter((id) => ring === undefined || keyOf(ring, id) === undefined);
    if (missing.length === 0) return ring;
    const lacks = ring === undefined ? "is missing" : `is not the one (${missing.join(", ")}) that sealed them`;
    throw new GloveboxError("unavailable", `secrets cannot be used: the master key in ${source.name} ${lacks}`, {
      details: { hint: "put back the key that sealed them; the server reads it again by itself" },
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}
