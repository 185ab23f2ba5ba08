import type { Glovebox } from "@glovebox/sdk";
import { dataDirOf, readServerFile } from "./server-file.ts";

/** What every command takes. */
export interface GlobalFlags {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly data?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface ServerAddress {
  readonly url: string;
  readonly token: string | undefined;
  /** `named`: the user said which. `found`: this machine's data folder did, and it may have died since. */
  readonly origin: "named" | "found";
}

const DEFAULT_URL = "http://127.0.0.1:7070";

/** The server that the user names, or that runs on the data folder; `undefined` when there is neither. Asks no server. */
export function findServer(flags: GlobalFlags, env: NodeJS.ProcessEnv = process.env): ServerAddress | undefined {
  const token = flags.token ?? (env.GLOVEBOX_TOKEN || undefined);
  const named = flags.url ?? (env.GLOVEBOX_URL || undefined);
  const file = readServerFile(dataDirOf(flags.data, env));
  if (named !== undefined) {
    // The folder's token is for the folder's server, and goes to no other.
    return { url: named, token: token ?? (file?.url === named ? file.token : undefined), origin: "named" };
  }
  return file === undefined ? undefined : { url: file.url, token: token ?? file.token, origin: "found" };
}

/** A client of the server, which need not answer: its first call tells. */
export async function openClient(flags: GlobalFlags): Promise<Glovebox> {
  const { Glovebox } = await import("@glovebox/sdk");
  const address = findServer(flags) ?? { url: DEFAULT_URL, token: flags.token ?? process.env.GLOVEBOX_TOKEN };
  return new Glovebox({ url: address.url, token: address.token });
}
