import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { SCOPE, type Scope } from "../document.ts";
import { MAX_DIMENSIONS } from "../vectors/sketch-index.ts";
import { FUSIONS, STRATEGIES } from "./query.ts";

const MAX_QUERY_CHARS = 4_096;
const MAX_SCOPES = 64;

/** A point in the store's past. */
export const PastState = z.union([
  z.strictObject({ revision: z.int().min(0) }),
  z.strictObject({ time: z.iso.datetime({ offset: true }) }),
  z.strictObject({ snapshot: z.string().min(1).max(64) }),
  /** What was pinned for a run. */
  z.strictObject({ run: z.string().min(1).max(128) }),
]);
export type PastState = z.infer<typeof PastState>;

const Weight = z.number().min(0).max(1_000);

/** What to search for. */
export const SearchInput = z.strictObject({
  query: z
    .string()
    .max(MAX_QUERY_CHARS)
    .refine((text) => text.trim() !== "", "is empty")
    .refine((text) => text.isWellFormed(), "is not valid Unicode"),
  /** Instead of the query's own: length is made 1. */
  vector: z
    .array(z.number())
    .min(1)
    .max(MAX_DIMENSIONS)
    .refine(hasDirection, "cannot be made as long as 1: it is all zeros, or too large")
    .optional(),
  /** Default: all. */
  scopes: z
    .array(
      z
        .string()
        .regex(SCOPE)
        .transform((text) => text as Scope),
    )
    .min(1)
    .max(MAX_SCOPES)
    .optional(),
  /** JSON, or `key=value …`. */
  filter: z.unknown().optional(),
  strategy: z.enum(STRATEGIES).default("auto"),
  fusion: z.enum(FUSIONS).default("rrf"),
  weights: z
    .strictObject({ dense: Weight, sparse: Weight })
    .refine(({ dense, sparse }) => dense + sparse > 0, "one of them must be above 0")
    .default({ dense: 0.5, sparse: 0.5 }),
  k: z.int().min(1).max(100).default(10),
  /** Each side gives k times as many for fusing. */
  rerankFactor: z.int().min(1).max(100).default(10),
  at: PastState.optional(),
});
export type SearchInput = z.input<typeof SearchInput>;
export type ParsedSearch = z.output<typeof SearchInput>;

/** `invalid_argument`, naming the field. */
export function parseSearch(input: unknown): ParsedSearch {
  const parsed = SearchInput.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path.join(".") ?? "";
  throw new GloveboxError("invalid_argument", `${path === "" ? "search" : path}: ${issue?.message ?? "is not valid"}`, {
    details: { path },
  });
}

/** As vectors are kept: what is small becomes 0 there, and what is large infinite. */
function hasDirection(entries: readonly number[]): boolean {
  const squares = Float32Array.from(entries).reduce((sum, entry) => sum + entry * entry, 0);
  return squares > 0 && Number.isFinite(squares);
}

/** A single name, path or number: who types one means exactly it. */
const NAME = /^[\p{L}\p{N}_$./:@#-]+$/u;

export function looksLikeName(query: string): boolean {
  return NAME.test(query.trim());
}
