import { z } from "zod";
import { LIMITS } from "./limits.ts";
import { Content, Hash, RepositoryPath } from "./parts.ts";

/** Changes of files as text, with what they were made from. */
export const Diff = z.strictObject({
  format: z.literal("unified"),
  text: Content,
  files: z
    .array(
      z.strictObject({
        path: RepositoryPath,
        /** Of the file before; null: it is created. */
        baseHash: Hash.nullable(),
        /** Of the file after; null: it is deleted. */
        newHash: Hash.nullable(),
      }),
    )
    .max(LIMITS.files),
});
export type Diff = z.infer<typeof Diff>;

/** What a result changes: files, a document of the context store, or nothing, with what was found. */
export const Delta = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("diff"), diff: Diff }),
  z.strictObject({ kind: z.literal("doc"), id: z.string().min(1).max(500), content: Content }),
  z.strictObject({
    kind: z.literal("summary"),
    text: z.string().max(LIMITS.textChars),
    data: z.record(z.string().max(1_024), z.unknown()).optional(),
  }),
]);
export type Delta = z.infer<typeof Delta>;
