import { SERVICES_DOMAIN } from "../../core/index.ts";
import { isSame, signatureOf, type TokenScope } from "./job-token.ts";

/** Where the programs of jobs find artifacts and caches: a name that exists only in their sandboxes. */
export const TOOLKIT_HOST = `results.${SERVICES_DOMAIN}`;

/** What an address gives. `upload` is by an id of ours, `artifacts` by a name, `caches` by key and version. */
export type Shelf = "uploads" | "artifacts" | "caches";

/** Signed addresses: whoever has one needs no token, as clients of blob stores expect. */
export class ToolkitAddresses {
  readonly #key: Uint8Array;
  readonly #job: TokenScope;

  constructor(key: Uint8Array, job: TokenScope) {
    this.#key = key;
    this.#job = job;
  }

  /** `suffix`: what clients judge the content by, as `.zip`. */
  of(shelf: Shelf, names: readonly string[], suffix = ""): string {
    const sig = signatureOf(this.#key, this.#job, shelf, ...names);
    const query = new URLSearchParams({ n: JSON.stringify(names), sig });
    return `http://${TOOLKIT_HOST}/${shelf}/blob${suffix}?${query}`;
  }

  /** What an address is for; `undefined` when it is none of ours. */
  read(url: URL): { readonly shelf: Shelf; readonly names: readonly string[] } | undefined {
    const shelf = /^\/(uploads|artifacts|caches)\/blob(?:\.zip)?$/.exec(url.pathname)?.[1] as Shelf | undefined;
    const names = readNames(url.searchParams.get("n") ?? "");
    if (shelf === undefined || names === undefined) return undefined;
    const sig = url.searchParams.get("sig") ?? "";
    return isSame(sig, signatureOf(this.#key, this.#job, shelf, ...names)) ? { shelf, names } : undefined;
  }
}

function readNames(text: string): readonly string[] | undefined {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : undefined;
  } catch {
    return undefined;
  }
}
