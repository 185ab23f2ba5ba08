/** What the first flight of a TLS client says, or why it is not one that can be checked. */
export type ClientHello =
  | { readonly kind: "more" }
  | { readonly kind: "not_tls" }
  | { readonly kind: "invalid"; readonly reason: string }
  /** `serverName` is as sent. With encrypted client hello it is the outer name, the only one that anyone on the way can see. */
  | { readonly kind: "hello"; readonly serverName?: string };

/** More than any client sends, post-quantum key shares included. */
export const MAX_CLIENT_HELLO = 32_768;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;

/**
 * Reads a ClientHello (RFC 8446, 4.1.2) out of the first bytes of a connection, however it is split over records. `more`: not complete yet.
 * Anything that a TLS server might read otherwise is `invalid`: two names, trailing bytes, another message first.
 */
export function readClientHello(bytes: Uint8Array): ClientHello {
  if (bytes.length === 0) return { kind: "more" };
  if (bytes[0] !== HANDSHAKE || (bytes.length > 1 && bytes[1] !== 3)) return { kind: "not_tls" };
  const records = joinRecords(bytes);
  if (typeof records === "string") return { kind: "invalid", reason: records };
  const { message, type } = records;
  if (type !== undefined && type !== CLIENT_HELLO)
    return { kind: "invalid", reason: "the first message is no ClientHello" };
  if (message === undefined) {
    return bytes.length > MAX_CLIENT_HELLO ? { kind: "invalid", reason: "an overlong ClientHello" } : { kind: "more" };
  }
  try {
    const serverName = readServerName(new Reader(message));
    return serverName === undefined ? { kind: "hello" } : { kind: "hello", serverName };
  } catch (error) {
    if (error instanceof RangeError) return { kind: "invalid", reason: error.message };
    throw error;
  }
}

/** The body of the first handshake message when it is complete, and its type when that is known; or what is wrong. */
function joinRecords(bytes: Uint8Array): { message?: Uint8Array; type?: number } | string {
  const parts: Uint8Array[] = [];
  let [at, joined] = [0, 0];
  while (at + 5 <= bytes.length) {
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3) return "another record within the ClientHello";
    if (length === 0 || length > 16_384) return "a record of a bad length";
    const part = bytes.subarray(at + 5, at + 5 + length);
    parts.push(part);
    joined += part.length;
    at += 5 + length;
    if (joined >= 4 && joined >= 4 + messageLength(parts)) break;
  }
  if (joined === 0) return {};
  const all = Buffer.concat(parts);
  const type = all[0] ?? 0;
  if (joined < 4) return { type };
  const length = all.readUIntBE(1, 3);
  if (length > MAX_CLIENT_HELLO) return "an overlong ClientHello";
  return joined < 4 + length ? { type } : { type, message: all.subarray(4, 4 + length) };
}

function messageLength(parts: readonly Uint8Array[]): number {
  const head =
    parts[0] !== undefined && parts[0].length >= 4 ? Buffer.from(parts[0].subarray(0, 4)) : Buffer.concat(parts);
  return head.readUIntBE(1, 3);
}

function readServerName(hello: Reader): string | undefined {
  hello.take(2 + 32); // legacy_version, random
  hello.vector(1); // legacy_session_id
  hello.vector(2); // cipher_suites
  hello.vector(1); // legacy_compression_methods
  if (hello.left === 0) return undefined;
  const extensions = hello.vector(2);
  if (hello.left !== 0) throw new RangeError("bytes after the ClientHello's extensions");
  const seen = new Set<number>();
  let name: string | undefined;
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (seen.has(type)) throw new RangeError("an extension twice");
    seen.add(type);
    if (type === SERVER_NAME) name = readNameList(body);
  }
  return name;
}

/** RFC 6066, 3: a list that holds one name of each type, and `host_name` is the only type. */
function readNameList(body: Reader): string {
  const list = body.vector(2);
  if (body.left !== 0) throw new RangeError("bytes after the server name");
  if (list.number(1) !== 0) throw new RangeError("a server name of an unknown type");
  const name = list.vector(2).rest();
  if (list.left !== 0) throw new RangeError("more than one server name");
  if (name.length === 0 || !name.every((byte) => byte > 0x20 && byte < 0x7f)) throw new RangeError("a bad server name");
  return Buffer.from(name).toString("latin1");
}

/** Reads big-endian fields; a `RangeError` where the bytes end too early. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new RangeError("a ClientHello whose lengths disagree");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  number(size: number): number {
    return this.take(size).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  /** A field that its length, of `size` bytes, stands before. */
  vector(size: number): Reader {
    return new Reader(this.take(this.number(size)));
  }

  rest(): Uint8Array {
    return this.take(this.left);
  }
}
