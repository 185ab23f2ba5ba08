import { Resolver } from "node:dns/promises";
import type { Clock } from "../../core/index.ts";
import { type Address, parseAddress } from "./address.ts";
import type { AddressPolicy } from "./address-policy.ts";
import { formatAuthority, type Host } from "./host.ts";
import { Refusal } from "./refusal.ts";

/** Finds the addresses of hosts, all of them checked. */
export interface Names {
  /**
   * The addresses to connect to, IPv4 first, 16 at most. Throws {@link Refusal}: `private_address` when any of the host's addresses is refused (a name that has
   * good and bad ones is no mistake), `name_not_resolved`.
   */
  addresses(host: Host): Promise<readonly Address[]>;
  close(): void;
}

export interface NamesOptions {
  readonly policy: AddressPolicy;
  readonly clock: Clock;
  /** Addresses with or without ports. Default: the system's name servers. The hosts file is not read. */
  readonly nameServers?: readonly string[];
}

interface Known {
  readonly addresses: readonly Address[];
  readonly untilMs: number;
}

const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 2;
const MAX_KNOWN = 256;
const MAX_KNOWN_MS = 30_000;
const MAX_ADDRESSES = 16;

/**
 * Asks name servers itself (c-ares, off the thread pool, which a sandbox could otherwise fill with names that never resolve). Answers are kept for as long as they
 * say, 30 s at most, for one session only.
 */
export function createNames({ policy, clock, nameServers }: NamesOptions): Names {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  if (nameServers !== undefined) resolver.setServers(nameServers);
  const known = new Map<string, Known>();
  const resolve = async (name: string): Promise<readonly Address[]> => {
    const found = known.get(name);
    if (found !== undefined && found.untilMs > clock.monotonicMs()) return found.addresses;
    known.delete(name);
    const answer = await ask(resolver, name);
    if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value ?? "");
    known.set(name, {
      addresses: answer.addresses,
      untilMs: clock.monotonicMs() + Math.min(answer.ttlMs, MAX_KNOWN_MS),
    });
    return answer.addresses;
  };
  return {
    async addresses(host) {
      const list = host.address === undefined ? await resolve(host.text) : [host.address];
      for (const address of list) {
        const why = policy.refuses(address);
        if (why === undefined) continue;
        const which =
          host.address === undefined
            ? `${host.text} resolves to an address that is`
            : `${formatAuthority(host.text, 0).slice(0, -2)} is`;
        throw new Refusal("private_address", `${which} not public: ${why}`);
      }
      return list.slice(0, MAX_ADDRESSES);
    },
    close: () => resolver.cancel(),
  };
}

async function ask(resolver: Resolver, name: string): Promise<{ addresses: readonly Address[]; ttlMs: number }> {
  // A label that ends in a dot is complete: no search domain of the host's is tried.
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ]);
  const records = [four, six].flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  const addresses = records.map((record) => parseAddress(record.address));
  if (records.length === 0) {
    throw new Refusal("name_not_resolved", `no address for ${name}`, {
      cause: four.status === "rejected" ? four.reason : undefined,
    });
  }
  if (addresses.includes(undefined)) throw new Refusal("name_not_resolved", `no usable address for ${name}`);
  const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1000;
  return { addresses: addresses.filter((address) => address !== undefined), ttlMs };
}
