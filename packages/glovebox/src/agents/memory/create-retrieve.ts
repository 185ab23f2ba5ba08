import type { ContextStore } from "../../context/index.ts";
import { GloveboxError } from "../../core/index.ts";
import type { Retrieve } from "./retrieve.ts";

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 50;
const MAX_QUERY = 4_000;
const MAX_TEXT = 8_000;

/** Searches the context store of the tenant of whoever asks. Lessons are left out: they are recalled. */
export function createRetrieve(store: ContextStore): Retrieve {
  return (run, name, query, limit = DEFAULT_LIMIT) => {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
      throw new GloveboxError("invalid_argument", `limit must be a whole number from 1 to ${MAX_LIMIT}`);
    }
    return run.step(name, { query: query.slice(0, MAX_QUERY), limit }, async (asked, step) => {
      if (asked.query.trim() === "") return [];
      const filter = { ne: { field: "kind", value: "lesson" } };
      const { hits } = await store.search(run.tenantId, { query: asked.query, filter, k: asked.limit }, step.signal);
      return hits.map(({ id, kind, path, lines, chunk, score }) => ({
        ...{ id, kind, lines: { ...lines }, text: chunk.slice(0, MAX_TEXT), score },
        ...(path !== undefined && { path }),
      }));
    });
  };
}
