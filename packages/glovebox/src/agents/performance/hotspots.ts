import { z } from "zod";
import { isRepositoryPath } from "../workbench/repository-tree.ts";

const Seconds = z.number().min(0).max(1e9);

/** What a profiler of ours writes in the sandbox: bounded, and believed in nothing but its numbers. */
export const RawProfile = z.strictObject({
  tool: z.enum(["cProfile", "cpu-prof"]),
  seconds: Seconds,
  functions: z
    .array(
      z.strictObject({
        path: z.string().max(1_024),
        line: z.number().int().min(0).max(10_000_000),
        name: z.string().max(1_000),
        calls: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
        own: Seconds,
        total: Seconds,
      }),
    )
    .max(2_000),
  error: z.string().max(100_000).nullable(),
  code: z.number().int(),
});
export type RawProfile = z.infer<typeof RawProfile>;

export interface Hotspot {
  readonly name: string;
  readonly path: string;
  /** Where the function begins. */
  readonly line: number;
  /** Per cent of the time that the repository's functions took, its own, and with what it calls: 50, 25, 12.5 … , the largest that it reaches. */
  readonly self: number;
  readonly total: number;
  /** Where the profiler counts them. */
  readonly calls?: number;
}

/** As measured, so different each time. */
export interface MeasuredHotspot {
  readonly selfMs: number;
  readonly totalMs: number;
}

const MAX_HOTSPOTS = 50;
/** Halvings of the whole; what has less is no hotspot. */
const MAX_HALVINGS = 7;

/**
 * The functions that take the time, in an order that two runs have in common: by their share in steps of halves, then by path and line. The times themselves are beside it.
 */
export function rankHotspots({ functions }: RawProfile): {
  readonly hotspots: readonly Hotspot[];
  readonly measured: readonly MeasuredHotspot[];
} {
  const known = functions.filter(({ path }) => isRepositoryPath(path));
  const all = known.reduce((sum, { own }) => sum + own, 0);
  const ranked = known
    .map(({ path, line, name, calls, own, total }) => ({
      spot: {
        name,
        path,
        line: Math.max(1, line),
        self: stepOf(own, all),
        total: stepOf(Math.min(total, all), all),
        ...(calls !== undefined && { calls }),
      },
      measured: { selfMs: own * 1_000, totalMs: total * 1_000 },
    }))
    .filter(({ spot }) => spot.self > 0)
    .sort(
      ({ spot: a }, { spot: b }) =>
        b.self - a.self || compareText(a.path, b.path) || a.line - b.line || compareText(a.name, b.name),
    )
    .slice(0, MAX_HOTSPOTS);
  return { hotspots: ranked.map(({ spot }) => spot), measured: ranked.map(({ measured }) => measured) };
}

function stepOf(part: number, whole: number): number {
  if (whole <= 0) return 0;
  for (let halvings = 0; halvings <= MAX_HALVINGS; halvings += 1) {
    const step = 2 ** -halvings;
    if (part >= step * whole) return step * 100;
  }
  return 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
