import { z } from "zod";

/** Keywords of the three languages that no name may be. */
const RESERVED = new Set(
  "and as assert async await break case catch class const continue debugger def default del delete do elif else enum except export extends False false finally for from function global if implements import in interface is lambda let new None nonlocal not null or package pass private protected public raise return static super switch this throw True true try typeof var void while with yield".split(
    " ",
  ),
);

export const Name = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,79}$/, "a name has letters, digits and _ only")
  .refine((name) => !RESERVED.has(name), "that name is a word of the language");
/** A type or a default, as the language writes it, on one line. */
const Phrase = z
  .string()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .regex(/^[^\x00-\x1f\x7f]+$/);

export const Example = z.union([
  z.strictObject({ args: z.array(z.json()).max(10), returns: z.json() }),
  /** It throws, whatever. */
  z.strictObject({ args: z.array(z.json()).max(10), throws: z.literal(true) }),
]);
export type Example = z.infer<typeof Example>;

/** A function as it is asked for. Types and code are the target language's. */
export const FunctionSpec = z.strictObject({
  name: Name,
  params: z
    .array(z.strictObject({ name: Name, type: Phrase.optional(), default: Phrase.optional() }))
    .max(10)
    .refine((params) => new Set(params.map(({ name }) => name)).size === params.length, "two parameters have one name"),
  returns: Phrase.optional(),
  doc: z.string().min(1).max(4_000),
  /** Statements, with any indentation. */
  body: z.string().min(1).max(20_000).optional(),
  /** Become its test. */
  examples: z.array(Example).max(50).default([]),
});
export type FunctionSpec = z.infer<typeof FunctionSpec>;
