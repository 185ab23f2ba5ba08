import { z } from "zod";
import { GloveboxError } from "../core/index.ts";
import { DOCUMENT_KINDS, type DocumentInput, MAX_CONTENT_BYTES, SCOPE, type Scope } from "./document.ts";

/** Documents of one write. */
export const MAX_BATCH = 1_000;
/** Of all of them together. */
const MAX_BATCH_BYTES = 64 * 1024 * 1024;
const MAX_METADATA_BYTES = 16 * 1024;
const MAX_PATH = 1_024;

/** Relative, without `.` and `..`, control characters and backslashes. */
const PATH = /^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?!.*\/\/)[^\p{Cc}\\]+$/u;

export const ScopeSchema = z
  .string()
  .regex(SCOPE)
  .transform((text) => text as Scope);

/** A lone surrogate would not come back as it went in. */
const wellFormed = z.string().refine((text) => text.isWellFormed(), "is not valid Unicode");

export const DocumentInputSchema = z.strictObject({
  scope: ScopeSchema.optional(),
  kind: z.enum(DOCUMENT_KINDS),
  path: wellFormed.min(1).max(MAX_PATH).regex(PATH, "is not a relative path").optional(),
  content: wellFormed,
  metadata: z.record(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), z.json()).optional(),
  origin: z.string().min(1).max(256),
  basedOn: z.int().min(0).optional(),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
  pinned: z.boolean().optional(),
});

/** Checks a batch: `invalid_argument` and `payload_too_large` name the document by its place. */
export function parseDocuments(inputs: readonly unknown[]): DocumentInput[] {
  if (inputs.length > MAX_BATCH) throw tooLarge("documents", `at most ${MAX_BATCH} documents at once`);
  let bytes = 0;
  return inputs.map((input, at) => {
    const parsed = DocumentInputSchema.safeParse(input);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const path = ["documents", at, ...(issue?.path ?? [])].join(".");
      throw new GloveboxError("invalid_argument", `${path}: ${issue?.message ?? "is not valid"}`, {
        details: { path },
      });
    }
    const size = Buffer.byteLength(parsed.data.content);
    if (size > MAX_CONTENT_BYTES) throw tooLarge(`documents.${at}.content`, `at most ${MAX_CONTENT_BYTES} bytes`);
    if (Buffer.byteLength(JSON.stringify(parsed.data.metadata ?? {})) > MAX_METADATA_BYTES) {
      throw tooLarge(`documents.${at}.metadata`, `at most ${MAX_METADATA_BYTES} bytes`);
    }
    bytes += size;
    if (bytes > MAX_BATCH_BYTES) throw tooLarge("documents", `at most ${MAX_BATCH_BYTES} bytes at once`);
    return withoutUndefined(parsed.data) as unknown as DocumentInput;
  });
}

function withoutUndefined(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}

function tooLarge(path: string, message: string): GloveboxError {
  return new GloveboxError("payload_too_large", `${path}: ${message}`, { details: { path } });
}
