import type { Delivery, RawDelivery } from "./delivery.ts";
import type { ForgeEvent } from "./forge-event.ts";
import type { ForgePulls } from "./forge-pulls.ts";
import type { ForgeHooks, ForgeReports } from "./forge-reports.ts";

export type ForgeKind = "github" | "gitea" | "local";

/** A repository as its forge knows it. */
export interface ForgeRepository {
  /** `owner/name` */
  readonly fullName: string;
  /** `https://…`, `http://…`; of a local one also an absolute path. */
  readonly cloneUrl: string;
}

export type ForgeCredentials =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly token: string }
  /** As an installation of the server's App. */
  | { readonly kind: "app" };

/** How git reaches a repository. */
export interface GitRemote {
  readonly url: string;
  /** Value of the `Authorization` header, sent to the URL's own origin only. */
  readonly authorization?: string;
}

/** One kind of forge. */
export interface Forge {
  readonly kind: ForgeKind;
  /** What a delivery says, unverified. `invalid_argument` when it is no delivery of this forge; `not_found` where a forge has no webhooks. */
  read(raw: RawDelivery): Delivery;
  /** Whether the delivery says who signed it at all: cheap, before anything is read. */
  isSigned(raw: RawDelivery): boolean;
  /** Whether one of the secrets signed exactly these bytes. Compares in constant time. */
  verify(raw: RawDelivery, secrets: readonly string[]): Promise<boolean>;
  /** What happened, of a verified delivery; `undefined` when nothing can come of it. `invalid_argument` when its payload is not what the forge sends. */
  event(delivery: Delivery): ForgeEvent | undefined;
  /** Errors as of {@link ForgeReports}: an installation's token comes from the API. */
  remote(repository: ForgeRepository, credentials: ForgeCredentials, signal: AbortSignal): Promise<GitRemote>;
  /** `undefined` where results stay here: no API, or no credentials. */
  reports(repository: ForgeRepository, credentials: ForgeCredentials): ForgeReports | undefined;
  /** `undefined` as with reports. */
  hooks(repository: ForgeRepository, credentials: ForgeCredentials): ForgeHooks | undefined;
  /** `not_found`, with the reason, where pull requests cannot be opened: no API, or no credentials. */
  pulls(repository: ForgeRepository, credentials: ForgeCredentials): ForgePulls;
}
