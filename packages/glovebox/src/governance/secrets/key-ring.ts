import type { MasterKey } from "./seal.ts";

/** The master keys that are at hand. */
export interface KeyRing {
  /** New values are sealed under this one. */
  readonly current: MasterKey;
  /** All, the current one first. More than one: a rotation has begun and not ended. */
  readonly keys: readonly MasterKey[];
}

export function keyOf(ring: KeyRing, id: string): MasterKey | undefined {
  return ring.keys.find((key) => key.id === id);
}

/** Where master keys come from. All errors are `unavailable` and say what to do, without a byte of a key. */
export interface KeySource {
  /** For people: `/data/secrets.key`, `GLOVEBOX_SECRETS_KEY`. */
  readonly name: string;
  /** `undefined` when there is none yet; `unavailable` when there is something that is no ring. */
  read(): Promise<KeyRing | undefined>;
  /** The first key, made now. `unavailable` where this source makes none. */
  create(): Promise<KeyRing>;
  /** A new current key, the others kept behind it, on disk. `conflict` where only the user can bring a new one. */
  begin(ring: KeyRing): Promise<KeyRing>;
  /** Forgets all but the current key, once nothing is sealed under the others. */
  finish(ring: KeyRing): Promise<KeyRing>;
}
