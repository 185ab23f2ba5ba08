import { idempotencyKey } from "./idempotency.ts";
import type { Transport } from "./transport.ts";
import type { CallOptions, CreateOptions, Page, PageRequest } from "./types/page.ts";
import type { Snapshot, SnapshotChange, SnapshotInput } from "./types/snapshot.ts";
import { urlPath } from "./url-path.ts";

/** A page of snapshots. `head`: the one that the session's state comes from. */
export type SnapshotPage = Page<Snapshot> & { readonly head?: string };

/** One session's snapshots. Errors of all: `not_supported_by_isolation` where they cannot be taken. */
export class Snapshots {
  readonly #transport: Transport;
  readonly #sessionId: string;

  constructor(transport: Transport, sessionId: string) {
    this.#transport = transport;
    this.#sessionId = sessionId;
  }

  /** Freezes the session's state; what runs in it stands still meanwhile. Errors: `resource_exhausted` (a quota, no space). */
  create(input: SnapshotInput = {}, options: CreateOptions = {}): Promise<Snapshot> {
    return this.#transport.json({
      method: "POST",
      path: this.#path(),
      body: input,
      idempotencyKey: idempotencyKey(options),
      signal: options.signal,
    });
  }

  /** Newest first. */
  list(page: PageRequest = {}, options: CallOptions = {}): Promise<SnapshotPage> {
    return this.#transport.json({ method: "GET", path: this.#path(), query: { ...page }, signal: options.signal });
  }

  get(id: string, options: CallOptions = {}): Promise<Snapshot> {
    return this.#transport.json({ method: "GET", path: this.#path(id), signal: options.signal });
  }

  /** What differs from a snapshot to another (`to`), or to the present. Errors: `snapshot_corrupt`. */
  diff(
    id: string,
    options: CallOptions & { readonly to?: string | undefined } = {},
  ): Promise<{ readonly items: readonly SnapshotChange[]; readonly truncated: boolean }> {
    const { to, signal } = options;
    return this.#transport.json({ method: "GET", path: this.#path(id, "diff"), query: { to }, signal });
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json<void>({ method: "DELETE", path: this.#path(id), signal: options.signal });
  }

  #path(...rest: readonly string[]): string {
    return urlPath("sessions", this.#sessionId, "snapshots", ...rest);
  }
}
