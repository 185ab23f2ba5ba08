/** An IP address as its bytes: 4 or 16 of them. However it was spelt, two addresses are equal when their `text` is. */
export interface Address {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
  /** The one spelling: dotted decimal, or RFC 5952 without brackets. */
  readonly text: string;
}

const QUAD = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/**
 * Reads the two strict spellings: dotted decimal and colon hex (a zone is refused). The loose spellings of IPv4 (`0x7f.1`, `2130706433`) are made
 * strict by {@link parseHost} before, by the rules of URLs. An IPv4-mapped IPv6 address is the IPv4 address. `undefined` for all else.
 */
export function parseAddress(text: string): Address | undefined {
  const quad = parseQuad(text);
  if (quad !== undefined) return fromBytes(quad);
  const bytes = parseColonHex(text);
  return bytes === undefined ? undefined : fromBytes(bytes);
}

/** `bytes`: 4 or 16. Mapped IPv4 (`::ffff:a.b.c.d`) becomes IPv4, because that is what the kernel would connect to. */
export function fromBytes(bytes: Uint8Array): Address {
  if (bytes.length === 16 && isMapped(bytes)) return fromBytes(bytes.subarray(12));
  if (bytes.length === 4) return { family: 4, bytes, text: bytes.join(".") };
  return { family: 6, bytes, text: formatColonHex(bytes) };
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

function parseQuad(text: string): Uint8Array | undefined {
  const match = QUAD.exec(text);
  if (match === null) return undefined;
  const parts = match.slice(1);
  // A leading zero means octal to some and decimal to others.
  if (parts.some((part) => (part.length > 1 && part.startsWith("0")) || Number(part) > 255)) return undefined;
  return Uint8Array.from(parts, Number);
}

function parseColonHex(text: string): Uint8Array | undefined {
  if (text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Sixteen-bit groups; the last may be dotted decimal where `quadAtEnd`. */
function parseGroups(text: string, quadAtEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  const quad = quadAtEnd && last.includes(".") ? parseQuad(last) : undefined;
  const hex = quad === undefined ? parts : parts.slice(0, -1);
  if (!hex.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return undefined;
  const groups = hex.map((part) => Number.parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0] = quad ?? [];
  return quad === undefined ? groups : [...groups, (a << 8) | b, (c << 8) | d];
}

/** RFC 5952: the longest run of two or more zero groups is `::`, the first of equals. */
function formatColonHex(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; i += 1) {
    let end = i;
    while (end < 8 && groups[end] === 0) end += 1;
    if (end - i > length) [start, length] = [i, end - i];
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  return start === -1 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}
