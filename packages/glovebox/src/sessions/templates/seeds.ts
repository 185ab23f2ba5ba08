import { isGloveboxError, newId, toTimestamp } from "../../core/index.ts";
import type { Room } from "../room.ts";
import { fillTemplate } from "./fill-template.ts";
import { READY_MADE } from "./ready-made.ts";

/** Gives each tenant the ready-made templates once; one that the tenant deletes stays deleted. */
export class Seeds {
  readonly #room: Room;
  readonly #tenants = new Map<string, Promise<void>>();

  constructor(room: Room) {
    this.#room = room;
  }

  ensure(tenantId: string): Promise<void> {
    const known = this.#tenants.get(tenantId);
    if (known !== undefined) return known;
    const seeded = this.#seed(tenantId);
    this.#tenants.set(tenantId, seeded);
    seeded.catch(() => this.#tenants.delete(tenantId));
    return seeded;
  }

  async #seed(tenantId: string): Promise<void> {
    const { store, clock } = this.#room;
    const key = `templates-seeded:${tenantId}`;
    const before = await store.settings.get(key);
    const done = new Set(Array.isArray(before) ? before.map(String) : []);
    const missing = READY_MADE.filter(({ name }) => !done.has(name));
    if (missing.length === 0) return;
    const now = toTimestamp(clock.nowMs());
    await Promise.all(
      missing.map(async (input) => {
        const id = newId(clock.nowMs());
        try {
          await store.templates.create(
            fillTemplate(input, { id, tenantId, version: 1, createdAt: now, updatedAt: now }),
          );
        } catch (error) {
          // The tenant has one of its own by that name.
          if (!isGloveboxError(error, "already_exists")) throw error;
        }
      }),
    );
    await store.settings.set(
      key,
      READY_MADE.map(({ name }) => name),
    );
  }
}
