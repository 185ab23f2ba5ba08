import { GloveboxError, type SealedValueInfo, type SealedValues } from "../../core/index.ts";
import { repositoryScope } from "../../store/index.ts";
import { refuse } from "./repository-input.ts";

/** Secrets are never given out; variables are what everybody who may see the repository may see. */
export type ValueKind = "secrets" | "variables";

/** As on GitHub: https://docs.github.com/en/actions/reference/security/secrets */
const MAX: Readonly<Record<ValueKind, number>> = { secrets: 100, variables: 500 };
const MAX_BYTES = 48 * 1024;
const NAME = /^[A-Z_][A-Z0-9_]{0,254}$/;
const RESERVED = /^GITHUB_/;
const ENVIRONMENT = /^[^\p{Cc}'"`,;\\/]{1,255}$/u;
/** Shorter ones cannot be masked in output without masking everything else too. */
const MIN_SECRET_CHARACTERS = 6;

/** The secrets and variables of repositories and of their environments, sealed on disk. Names are upper case, whatever they were given as. */
export class RepositoryValues {
  readonly #values: SealedValues;

  constructor(values: SealedValues) {
    this.#values = values;
  }

  /** `invalid_argument` tells what is wrong, never the value; `resource_exhausted`; `unavailable` without the master key. */
  async set(
    place: ValuePlace,
    { name, value }: { readonly name: string; readonly value: string },
  ): Promise<SealedValueInfo> {
    const upper = checkName(name);
    if (!value.isWellFormed() || value.includes("\0")) throw refuse("value", "it must be text without NUL");
    if (Buffer.byteLength(value) > MAX_BYTES) throw refuse("value", `it must have ${MAX_BYTES} bytes or less`);
    if (place.kind === "secrets" && [...value.trim()].length < MIN_SECRET_CHARACTERS) {
      const hint = "shorter ones cannot be masked: make it a variable";
      throw refuse("value", `a secret must have ${MIN_SECRET_CHARACTERS} characters or more; ${hint}`);
    }
    return await this.#values.set(place.tenantId, scopeOf(place), { name: upper, value, max: MAX[place.kind] });
  }

  async list(place: ValuePlace): Promise<readonly SealedValueInfo[]> {
    return await this.#values.list(place.tenantId, scopeOf(place));
  }

  /** `not_found`. */
  async delete(place: ValuePlace, name: string): Promise<void> {
    if (await this.#values.delete(place.tenantId, scopeOf(place), checkName(name))) return;
    throw new GloveboxError("not_found", `there is no ${name.toUpperCase()}`);
  }

  /** All of them with their values; those of the environment stand over the repository's. */
  async open({ environment, ...place }: ValuePlace): Promise<Readonly<Record<string, string>>> {
    const own = await this.#values.open(place.tenantId, scopeOf(place));
    if (environment === undefined) return own;
    return { ...own, ...(await this.#values.open(place.tenantId, scopeOf({ ...place, environment }))) };
  }
}

export interface ValuePlace {
  readonly tenantId: string;
  readonly repositoryId: string;
  readonly kind: ValueKind;
  /** Those of the repository when it is absent. Its case does not count. */
  readonly environment?: string;
}

function scopeOf({ repositoryId, kind, environment }: ValuePlace): string {
  const scope = repositoryScope(repositoryId);
  if (environment === undefined) return `${scope}${kind}`;
  if (!ENVIRONMENT.test(environment)) throw refuse("environment", "not the name of an environment");
  return `${scope}environments/${encodeURIComponent(environment.toLowerCase())}/${kind}`;
}

function checkName(name: string): string {
  const upper = name.toUpperCase();
  if (!NAME.test(upper)) throw refuse("name", "it must be letters, digits and _, and not begin with a digit");
  if (RESERVED.test(upper)) throw refuse("name", "it must not begin with GITHUB_");
  return upper;
}
