import { type Clock, GloveboxError, isGloveboxError } from "../../core/index.ts";
import { type Embedder, toUnit } from "../../models/embedder.ts";
import type { SearchResult, WordsOnly } from "../context-store.ts";
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

/** Decides what was left open, and has a reader search. Where nearness cannot be had, words alone do, unless nearness alone was asked for. */
export async function search(
  parts: Parts,
  tenantId: string,
  input: SearchInput,
  signal: AbortSignal | undefined,
): Promise<SearchResult> {
  const parsed = parseSearch(input);
  if (parsed.vector !== undefined) checkDimensions(parts.embedder, parsed.vector);
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
  const tokens = tokensOf(parsed.query);
  const ask = (sides: Pick<PreparedQuery, "tokens" | "dense">): Promise<SearchHit[]> =>
    parts.readers.search(signal, { ...query, ...sides });
  const { strategy } = parsed;
  if (strategy === "sparse") return { hits: await ask({ tokens }), strategy };
  if (strategy === "auto" && parsed.vector === undefined && looksLikeName(parsed.query)) {
    const hits = await ask({ tokens });
    if (hits.length >= parsed.k) return { hits, strategy: "sparse" };
  }
  const found = await denseOf(parts, parsed, signal);
  if ("wordsOnly" in found) {
    if (strategy !== "dense") return { hits: await ask({ tokens }), strategy: "sparse", wordsOnly: found.wordsOnly };
    const { message, ...details } = found.wordsOnly;
    throw new GloveboxError("unavailable", message, { details: { ...details, retryable: true } });
  }
  if (strategy === "dense") return { hits: await ask(found), strategy };
  return { hits: await ask({ tokens, ...found }), strategy: "parallel" };
}

type Dense = Required<Pick<PreparedQuery, "dense">>;

/** The query's vector, or why there is none. A query that makes no sense is an error. */
async function denseOf(
  { embedder, queue }: Parts,
  parsed: ParsedSearch,
  signal: AbortSignal | undefined,
): Promise<Dense | { readonly wordsOnly: WordsOnly }> {
  if (queue !== undefined && !queue.isComplete) {
    const left = queue.left ?? 0;
    return { wordsOnly: { reason: "indexing", message: "vectors are still being made", left } };
  }
  try {
    return { dense: { space: spaceOf(embedder), vector: await vectorOf(embedder, parsed, signal) } };
  } catch (error) {
    if (signal?.aborted === true || !isGloveboxError(error) || error.code === "invalid_argument") throw error;
    return { wordsOnly: { reason: "embedder", message: error.message } };
  }
}

async function vectorOf(
  embedder: Embedder,
  { query, vector }: ParsedSearch,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const given = vector ?? (await embedder.embed([query], signal))[0];
  return toUnit(Float32Array.from(checkDimensions(embedder, given ?? [])));
}

function checkDimensions<T extends ArrayLike<number>>({ dimensions }: Embedder, vector: T): T {
  if (vector.length === dimensions) return vector;
  const details = { path: "vector", expected: dimensions, found: vector.length };
  const message = `vector: has ${details.found} dimensions instead of ${details.expected}`;
  throw new GloveboxError("invalid_argument", message, { details });
}
