import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";

/**
 * Envelope encryption. Every value has a key of its own, sealed under the master key: `format (1) ‖ wrapped key ‖ sealed value`, each of the two
 * `nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16)`. So the master key's random nonces guard few and short messages, whatever users store.
 * Both are bound to what the value belongs to: a row that is put in another's place does not open.
 */
const FORMAT = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/** A key that encrypts other keys. Its bytes are outside of JavaScript's heap. */
export interface MasterKey {
  /** Follows from the key, and says nothing of it. */
  readonly id: string;
  readonly key: KeyObject;
}

/** From 32 bytes, which are zeroed: the caller's copy is not needed any more. `undefined` when there are not 32. */
export function masterKey(bytes: Uint8Array): MasterKey | undefined {
  if (bytes.length !== KEY_BYTES) return undefined;
  const id = createHmac("sha256", bytes).update("glovebox master key id").digest("hex").slice(0, 16);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return { id, key };
}

export function seal(master: MasterKey, value: Uint8Array, belongsTo: string): Uint8Array {
  const dataKey = randomBytes(KEY_BYTES);
  try {
    const wrapped = encrypt(master.key, dataKey, `key\n${master.id}\n${belongsTo}`);
    const sealed = encrypt(dataKey, value, `value\n${belongsTo}`);
    return Buffer.concat([Buffer.of(FORMAT), wrapped, sealed]);
  } finally {
    dataKey.fill(0);
  }
}

/** The value, which the caller zeroes after use; `undefined` when it was not sealed so, or was changed. */
export function unseal(master: MasterKey, sealed: Uint8Array, belongsTo: string): Buffer | undefined {
  if (sealed[0] !== FORMAT || sealed.length < 1 + WRAPPED_BYTES + NONCE_BYTES + TAG_BYTES) return undefined;
  const wrapped = sealed.subarray(1, 1 + WRAPPED_BYTES);
  const dataKey = decrypt(master.key, wrapped, `key\n${master.id}\n${belongsTo}`);
  if (dataKey === undefined) return undefined;
  try {
    return decrypt(dataKey, sealed.subarray(1 + WRAPPED_BYTES), `value\n${belongsTo}`);
  } finally {
    dataKey.fill(0);
  }
}

function encrypt(key: KeyObject | Uint8Array, plain: Uint8Array, associated: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(associated, "utf8"));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: KeyObject | Uint8Array, bytes: Uint8Array, associated: string): Buffer | undefined {
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(associated, "utf8"));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const plain = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    // GCM gives all of the text by `update`; `final` only checks the tag.
    decipher.final();
    return plain;
  } catch {
    plain.fill(0);
    return undefined;
  }
}
