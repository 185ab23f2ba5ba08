import type { Fusion } from "./query.ts";

/** Of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009). */
const RRF_K = 60;

export interface Scored {
  readonly chunk: number;
  readonly score: number;
}

export interface Fused {
  readonly chunk: number;
  readonly score: number;
  readonly dense?: { readonly score: number; readonly rank: number };
  readonly sparse?: { readonly score: number; readonly rank: number };
}

/** Joins two rankings, each best first. `weighted` and `max` bring both sides' scores to 0 to 1 first; what a side did not find counts 0 there. Unordered. */
export function fuse(
  dense: readonly Scored[],
  sparse: readonly Scored[],
  fusion: Fusion,
  weights: { readonly dense: number; readonly sparse: number },
): Fused[] {
  const denseShares = shares(dense);
  const sparseShares = shares(sparse);
  const found = new Map<number, Pick<Fused, "dense" | "sparse">>();
  for (const [at, { chunk, score }] of dense.entries()) found.set(chunk, { dense: { score, rank: at + 1 } });
  for (const [at, { chunk, score }] of sparse.entries()) {
    found.set(chunk, { ...found.get(chunk), sparse: { score, rank: at + 1 } });
  }
  return [...found].map(([chunk, sides]) => {
    const byRank = [sides.dense, sides.sparse].reduce(
      (sum, side) => sum + (side === undefined ? 0 : 1 / (RRF_K + side.rank)),
      0,
    );
    const [a, b] = [denseShares.get(chunk) ?? 0, sparseShares.get(chunk) ?? 0];
    const score =
      fusion === "rrf" ? byRank : fusion === "max" ? Math.max(a, b) : weights.dense * a + weights.sparse * b;
    return { chunk, score, ...sides };
  });
}

/** Where each score lies between the worst and the best of its side. */
function shares(side: readonly Scored[]): ReadonlyMap<number, number> {
  const best = side[0]?.score ?? 0;
  const worst = side.at(-1)?.score ?? 0;
  const span = best - worst;
  return new Map(side.map(({ chunk, score }) => [chunk, span > 0 ? (score - worst) / span : 1]));
}
