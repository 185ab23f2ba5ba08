/** A webhook's request as it came: nothing of it is believed yet. */
export interface RawDelivery {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Exactly the bytes that were signed. */
  readonly body: Buffer;
}

/** What a delivery says of itself, read within bounds. Believed only after `Forge.verify`. */
export interface Delivery {
  /** The forge's id of it; the same when the forge delivers again. */
  readonly id: string;
  /** `push`, `pull_request`, … */
  readonly event: string;
  /** `owner/name`; absent where the event concerns no repository. */
  readonly repository?: string;
  /** The installation of the App that it was sent for. */
  readonly installationId?: string;
  readonly payload: Readonly<Record<string, unknown>>;
}
