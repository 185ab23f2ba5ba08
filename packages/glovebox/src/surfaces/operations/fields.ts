import { z } from "zod";
import { isId } from "../../core/index.ts";

/** Parts that the operations' schemas share. Query values arrive as text and are converted here, strictly. */

export const Id = z.string().refine(isId, "not an id (UUIDv7)").meta({ format: "uuid" });
export const IdParams = z.strictObject({ id: Id });

/** A template by its id or by its name. */
export const TemplateRef = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "neither an id nor a template's name");
export const TemplateParams = z.strictObject({ id: TemplateRef });

export const FilePath = z
  .string()
  .min(1)
  .max(4096)
  .refine((value) => !value.includes("\0"), "must not contain NUL");

export function queryInt(min: number, max: number) {
  return z.preprocess(
    (value) => (typeof value === "string" && /^-?\d{1,15}$/.test(value) ? Number(value) : value),
    z.number().int().min(min).max(max),
  );
}

/** `true` or `false`. */
export const queryBoolean = z.preprocess(
  (value) => (value === "true" ? true : value === "false" ? false : value),
  z.boolean(),
);

/** Repeated, or separated by commas. */
export function queryList<T extends z.ZodType>(item: T) {
  return z.preprocess((value) => (typeof value === "string" ? value.split(",") : value), z.array(item).min(1).max(32));
}

/** `name=value`, repeatable. */
export const queryMetadata = z.preprocess(
  (value) => (typeof value === "string" ? [value] : value),
  z
    .array(
      z
        .string()
        .max(1200)
        .regex(/^[^=]{1,64}=/, "must be name=value"),
    )
    .max(16),
);

export const PageQuery = z.strictObject({
  limit: queryInt(1, 1000).optional(),
  cursor: z.string().min(1).max(1024).optional(),
});

export function page<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), nextCursor: z.string().optional() });
}

/** A list that is short by nature and comes whole. */
export function whole<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item) });
}

export const EventsQuery = z.strictObject({
  /** Only events after this one. */
  afterSeq: queryInt(0, Number.MAX_SAFE_INTEGER).optional(),
  /** Events of one page. Default 1,000. */
  limit: queryInt(1, 10_000).optional(),
});

/** One event as clients see it. Its payload's shape depends on `type`; see the guide to events. */
export const EventSchema = z.strictObject({
  seq: z.number().int(),
  ts: z.string(),
  type: z.string(),
  payload: z.record(z.string(), z.unknown()),
});

export const EventPage = z.strictObject({
  items: z.array(EventSchema),
  /** Give this as `afterSeq` to read on. */
  nextAfterSeq: z.number().int(),
  /** No event will follow. */
  done: z.boolean(),
});
