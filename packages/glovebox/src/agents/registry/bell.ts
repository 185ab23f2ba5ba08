/** Wakes those who wait for something of a tenant. Whoever listens before he looks misses nothing. */
export class Bell {
  readonly #rooms = new Map<string, PromiseWithResolvers<void>>();

  listen(tenantId: string): { readonly within: (ms: number, signal: AbortSignal) => Promise<void> } {
    const room = this.#rooms.get(tenantId) ?? Promise.withResolvers<void>();
    this.#rooms.set(tenantId, room);
    return { within: (ms, signal) => first(room.promise, ms, signal) };
  }

  ring(tenantId: string): void {
    this.#rooms.get(tenantId)?.resolve();
    this.#rooms.delete(tenantId);
  }

  ringAll(): void {
    for (const tenantId of [...this.#rooms.keys()]) this.ring(tenantId);
  }
}

/** Until it rings, the time is over, or the signal aborts. */
async function first(rung: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const end = () => over.resolve();
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  await Promise.race([rung, over.promise]);
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}
