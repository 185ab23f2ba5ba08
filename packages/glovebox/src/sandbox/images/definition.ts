import { z } from "zod";
import { Language } from "../../core/schemas.ts";

/** As for templates; also the definition's file name without `.yaml`. */
export const ImageName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "lower-case letters, digits, '.', '_' and '-', 64 at most");

/** A path in an image, from its root: no `.` or `..`, no empty parts. */
const InsidePath = z
  .string()
  .max(1024)
  .regex(/^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]{1,255})+$/, "an absolute path without '.' and '..'");

/** Debian Policy 5.6.1: a package's name; nothing that apt could take for an option, a file or a pattern. */
const PackageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]{1,127}$/, "not a name of a Debian package");

const FileMode = z
  .string()
  .regex(/^0?[0-7]{3}$/, "three octal digits, such as 0644")
  .optional();

/** What is put into the image besides packages: the server's own Node, a text, or a file beside the definition. */
const FileEntry = z.union([
  z.strictObject({ to: InsidePath, program: z.literal("node") }),
  z.strictObject({ to: InsidePath, text: z.string().max(1_048_576), mode: FileMode }),
  z.strictObject({ to: InsidePath, file: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$/), mode: FileMode }),
]);
export type FileEntry = z.infer<typeof FileEntry>;

/** `images/<name>.yaml`. */
export const ImageDefinition = z.strictObject({
  description: z.string().max(500).default(""),
  /** Another definition, whose lists come before these. */
  extends: ImageName.optional(),
  /** Of Debian, beside the essential ones; they bring what they depend on. */
  packages: z.array(PackageName).max(1000).default([]),
  files: z.array(FileEntry).max(1000).default([]),
  /** Paths that are taken out again, with all below them. */
  remove: z.array(InsidePath).max(1000).default([]),
  /** What must be found in it, or the build fails. */
  languages: z.array(Language).max(8).default([]),
});
export type ImageDefinition = z.infer<typeof ImageDefinition>;

/** With all that it extends put together. */
export type WholeDefinition = Omit<ImageDefinition, "extends">;
