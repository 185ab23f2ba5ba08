import { GloveboxError, type StreamRef } from "../../../core/index.ts";

const MAX_KEPT = 4096;

/** Streams whose last write did not even reach the writer, so that what must follow it is refused here. */
export class RefusedStreams {
  readonly #keys = new Set<string>();

  refused(stream: StreamRef): void {
    if (this.#keys.size >= MAX_KEPT) this.#keys.delete(this.#keys.values().next().value ?? "");
    this.#keys.add(keyOf(stream));
  }

  passed(stream: StreamRef): void {
    if (this.#keys.size > 0) this.#keys.delete(keyOf(stream));
  }

  /** Throws when the stream's last write was refused. */
  check(stream: StreamRef): void {
    if (!this.#keys.has(keyOf(stream))) return;
    throw new GloveboxError("store_failed", "the events that it follows could not be written");
  }
}

function keyOf({ tenantId, kind, id }: StreamRef): string {
  return `${tenantId} ${kind} ${id}`;
}
