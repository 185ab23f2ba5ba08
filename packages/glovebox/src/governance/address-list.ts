import { BlockList, isIP } from "node:net";
import { GloveboxError } from "../core/index.ts";

/** Tells whether a client's address may connect. */
export interface AddressList {
  /** Nobody is kept out, so there is no need to ask. */
  readonly allowsAll: boolean;
  allows(address: string | undefined): boolean;
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * From addresses and CIDR ranges, IPv4 and IPv6; an empty list allows all. `invalid_argument` names the entry that is neither.
 * An IPv4 client on an IPv6 socket (`::ffff:…`) counts as IPv4.
 */
export function createAddressList(entries: readonly string[]): AddressList {
  if (entries.length === 0) return { allowsAll: true, allows: () => true };
  const list = new BlockList();
  for (const entry of entries) addEntry(list, entry);
  return {
    allowsAll: false,
    allows(address) {
      if (address === undefined) return false;
      const plain = MAPPED.exec(address)?.[1] ?? address;
      const family = isIP(plain);
      return family !== 0 && list.check(plain, family === 6 ? "ipv6" : "ipv4");
    },
  };
}

function addEntry(list: BlockList, entry: string): void {
  const [address = "", bits, ...rest] = entry.split("/");
  const family = isIP(address);
  const most = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (family === 0 || rest.length > 0 || prefix < 0 || prefix > most) {
    throw new GloveboxError("invalid_argument", `not an address or range: ${entry.slice(0, 64)}`, {
      details: { path: "auth.ipAllowList" },
    });
  }
  list.addSubnet(address, prefix, family === 6 ? "ipv6" : "ipv4");
}
