import { GloveboxError } from "../../core/index.ts";
import { type Address, fromBytes, parseAddress } from "./address.ts";

/** Tells which addresses a sandbox may be connected to. */
export interface AddressPolicy {
  /** Why `address` is refused, for people; `undefined` when it may be connected to. */
  refuses(address: Address): string | undefined;
}

interface Range {
  readonly base: Address;
  readonly bits: number;
  readonly what: string;
}

/**
 * Never, whatever the operator lists: where clouds hand out credentials, and what is no single host. Azure's and Oracle's metadata addresses are
 * outside the private ranges; 100.100.100.200 is Alibaba's, fd00:ec2::254 Amazon's, fd20:ce::254 Google's.
 */
const NEVER = ranges({
  "169.254.0.0/16": "link-local",
  "fe80::/10": "link-local",
  "168.63.129.16/32": "metadata",
  "192.0.0.192/32": "metadata",
  "100.100.100.200/32": "metadata",
  "fd00:ec2::/32": "metadata",
  "fd20:ce::254/128": "metadata",
  "0.0.0.0/8": "unspecified",
  "::/128": "unspecified",
  "224.0.0.0/4": "multicast",
  "ff00::/8": "multicast",
  "255.255.255.255/32": "broadcast",
});

/** From IANA's special-purpose registries, and the deprecated ways to carry IPv4 in IPv6, which reach who knows what. */
const NOT_PUBLIC = ranges({
  "10.0.0.0/8": "private",
  "100.64.0.0/10": "shared (carrier-grade NAT)",
  "127.0.0.0/8": "loopback",
  "172.16.0.0/12": "private",
  "192.0.0.0/24": "reserved",
  "192.0.2.0/24": "documentation",
  "192.31.196.0/24": "reserved",
  "192.52.193.0/24": "reserved",
  "192.88.99.0/24": "6to4 relay",
  "192.168.0.0/16": "private",
  "192.175.48.0/24": "reserved",
  "198.18.0.0/15": "benchmarking",
  "198.51.100.0/24": "documentation",
  "203.0.113.0/24": "documentation",
  "240.0.0.0/4": "reserved",
  "::1/128": "loopback",
  "64:ff9b:1::/48": "local NAT64",
  "100::/64": "discard-only",
  "2001::/23": "reserved (Teredo, ORCHID and others)",
  "2001:db8::/32": "documentation",
  "2002::/16": "6to4",
  "2620:4f:8000::/48": "reserved",
  "3fff::/20": "documentation",
  "5f00::/16": "segment routing",
  "fc00::/7": "unique-local",
  "fec0::/10": "site-local",
});

const GLOBAL_UNICAST = range("2000::/3", "global");
const NAT64 = range("64:ff9b::/96", "NAT64");

/** `permit`: addresses and CIDR ranges that an operator opens although they are not public. `invalid_argument` names the entry that is neither. */
export function createAddressPolicy(permit: readonly string[] = []): AddressPolicy {
  const permitted = permit.map((text) => range(text, "permitted"));
  const refuses = (address: Address): string | undefined => {
    const never = find(NEVER, address);
    if (never !== undefined) return never.what;
    // DNS64 makes such addresses for hosts that have IPv4 alone: what counts is the IPv4 address within.
    if (contains(NAT64, address)) return refuses(fromBytes(address.bytes.subarray(12)));
    if (find(permitted, address) !== undefined) return undefined;
    const notPublic = find(NOT_PUBLIC, address);
    if (notPublic !== undefined) return notPublic.what;
    return address.family === 6 && !contains(GLOBAL_UNICAST, address) ? "not global" : undefined;
  };
  return { refuses };
}

function ranges(table: Readonly<Record<string, string>>): readonly Range[] {
  return Object.entries(table).map(([text, what]) => range(text, what));
}

function range(text: string, what: string): Range {
  const [address = "", bits, ...rest] = text.split("/");
  const base = parseAddress(address);
  const most = base?.family === 6 ? 128 : 32;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (base === undefined || rest.length > 0 || prefix < 0 || prefix > most) {
    throw new GloveboxError("invalid_argument", `not an address or range: ${text.slice(0, 64)}`, {
      details: { path: "egress.permitAddresses" },
    });
  }
  return { base, bits: prefix, what };
}

function find(list: readonly Range[], address: Address): Range | undefined {
  return list.find((entry) => contains(entry, address));
}

function contains({ base, bits }: Range, address: Address): boolean {
  if (base.family !== address.family) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i += 1) if (base.bytes[i] !== address.bytes[i]) return false;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return mask === 0 || ((base.bytes[whole] ?? 0) & mask) === ((address.bytes[whole] ?? 0) & mask);
}
