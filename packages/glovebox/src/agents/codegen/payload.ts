import { z } from "zod";
import { Content, RepositoryPath } from "../messages/parts.ts";
import { FunctionSpec } from "./function-spec.ts";

/** What codegen is asked for: one of a goal in words, a function, or a whole file. */
export const CodegenPayload = z
  .strictObject({
    /** In words. Without a model: one of those that the grammar reads. */
    goal: z.string().min(1).max(10_000).optional(),
    /** A function, which is written into a module of the repository, with its test. */
    function: FunctionSpec.optional(),
    /** A whole file, which is created or replaced. */
    file: z.strictObject({ path: RepositoryPath, content: Content }).optional(),
    /** Default: the one that most of the repository is written in. */
    language: z.enum(["python", "typescript", "javascript"]).optional(),
    /** Of the module that the function goes into. Default: one of its own, where the repository's modules lie. */
    path: RepositoryPath.optional(),
    /** Whether a test is written with the function. Default true. */
    test: z.boolean().default(true),
    /** For a model: how many proposals are judged. Default 3. */
    candidates: z.number().int().min(1).max(3).default(3),
    /** For a model: files to show, besides those that the context store finds. */
    show: z.array(RepositoryPath).max(20).default([]),
    /** For a model: what was wrong with what was proposed before. */
    feedback: z.string().max(20_000).optional(),
  })
  .refine(({ goal, function: wanted, file }) => [goal, wanted, file].filter((one) => one !== undefined).length === 1, {
    message: "one of goal, function and file is needed",
  });
export type CodegenPayload = z.infer<typeof CodegenPayload>;
