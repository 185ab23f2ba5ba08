/** A secret without its value, which no operation gives out. */
export interface Secret {
  readonly name: string;
  /** Who may be sent the value. */
  readonly hosts: readonly string[];
  /** Counts up from 1 with every new value. */
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface SecretInput {
  /** 8 characters to 65,536 bytes. */
  readonly value: string;
  /** `host`, `*.host`, either with `:port`. */
  readonly hosts: readonly string[];
}

export interface KeyRotation {
  /** The new master key. */
  readonly keyId: string;
  /** Secrets and certificate authorities that were sealed anew. */
  readonly resealed: number;
}
