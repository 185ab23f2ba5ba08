import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { ExtractOptions } from "./types.ts";

/** The longest text that is read, in UTF-16 units. */
export const MAX_TEXT = 1_000_000;

const Share = z.number().min(0).max(1);

/** The options of extraction as clients write them. Unknown fields are errors. */
export const ExtractOptionsSchema = z.strictObject({
  from: z.enum(["answer", "user"]).optional(),
  request: z.string().max(MAX_TEXT).optional(),
  executeThreshold: Share.optional(),
  askThreshold: Share.optional(),
});

/** `payload_too_large` for a text over 1,000,000 units; `invalid_argument` for options that make no sense. */
export function checkExtract(text: string, options: ExtractOptions): void {
  if (text.length > MAX_TEXT) {
    throw new GloveboxError(
      "payload_too_large",
      `the text has ${text.length} UTF-16 units, at most ${MAX_TEXT} are read`,
      {
        details: { limit: "length", length: text.length, most: MAX_TEXT },
      },
    );
  }
  const parsed = ExtractOptionsSchema.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new GloveboxError(
      "invalid_argument",
      `extraction: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
    );
  }
  const { executeThreshold = 0.8, askThreshold = 0.5 } = options;
  if (askThreshold > executeThreshold) {
    throw new GloveboxError(
      "invalid_argument",
      `extraction: askThreshold: ${askThreshold} is above executeThreshold, ${executeThreshold}`,
    );
  }
}
