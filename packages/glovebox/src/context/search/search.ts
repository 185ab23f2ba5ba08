import { type Clock, GloveboxError } from "../../core/index.ts";
import type { SearchResult } from "../context-store.ts";
import { type Embedder, toUnit } from "../embedders/embedder.ts";
import { type EmbeddingQueue, spaceOf } from "../embedders/embedding-queue.ts";
import { parseFilter } from "../filters/filter.ts";
import { tokensOf } from "../text/tokens.ts";
import type { ReaderPool } from "../worker/reader-pool.ts";
import type { PreparedQuery, SearchHit } from "./query.ts";
import { looksLikeName, type ParsedSearch, type PastState, parseSearch, type SearchInput } from "./search-input.ts";

interface Parts {
  readonly readers: ReaderPool;
  readonly embedder: Embedder;
  readonly queue: EmbeddingQueue | undefined;
  readonly clock: Clock;
  revisionOf(at: PastState | undefined): Promise<number | undefined>;
}

/** Decides what was left open, has a reader search, and, for a name that words alone do not find enough of, searches by nearness, too. */
export async function search(
  parts: Parts,
  tenantId: string,
  input: SearchInput,
  signal: AbortSignal | undefined,
): Promise<SearchResult> {
  const parsed = parseSearch(input);
  const isIndexing = parts.queue !== undefined && !parts.queue.isComplete;
  if (parsed.strategy === "dense" && isIndexing) {
    throw new GloveboxError("unavailable", "vectors are still being made", {
      details: { left: parts.queue?.left ?? null, retryable: true },
    });
  }
  const indexing = isIndexing ? { indexing: { left: parts.queue?.left ?? 0 } } : {};
  const filter = parseFilter(parsed.filter);
  const atRevision = await parts.revisionOf(parsed.at);
  const query = {
    tenantId,
    ...(parsed.scopes !== undefined && { scopes: parsed.scopes }),
    ...(filter !== undefined && { filter }),
    ...(atRevision !== undefined && { atRevision }),
    fusion: parsed.fusion,
    weights: parsed.weights,
    k: parsed.k,
    rerankFactor: parsed.rerankFactor,
    nowMs: parts.clock.nowMs(),
  };
  const ask = async (strategy: "dense" | "sparse" | "parallel"): Promise<SearchHit[]> => {
    const prepared: PreparedQuery = {
      ...query,
      ...(strategy !== "dense" && { tokens: tokensOf(parsed.query) }),
      ...(strategy !== "sparse" && {
        dense: { space: spaceOf(parts.embedder), vector: await vectorOf(parts.embedder, parsed, signal) },
      }),
    };
    return parts.readers.call(signal === undefined ? {} : { signal }, "search", prepared);
  };
  const strategy = isIndexing ? "sparse" : parsed.strategy;
  if (strategy !== "auto") return { hits: await ask(strategy), strategy, ...indexing };
  if (looksLikeName(parsed.query)) {
    const hits = await ask("sparse");
    if (hits.length >= parsed.k) return { hits, strategy: "sparse", ...indexing };
  }
  return { hits: await ask("parallel"), strategy: "parallel", ...indexing };
}

async function vectorOf(
  embedder: Embedder,
  { query, vector }: ParsedSearch,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const given = vector ?? (await embedder.embed([query], signal))[0];
  if (given?.length !== embedder.dimensions) {
    const details = { path: "vector", expected: embedder.dimensions, found: given?.length ?? 0 };
    throw new GloveboxError(
      "invalid_argument",
      `vector: has ${details.found} dimensions instead of ${details.expected}`,
      { details },
    );
  }
  return toUnit(Float32Array.from(given));
}
