import { z } from "zod";
import { isGloveboxError } from "../../core/index.ts";
import type { CodeLanguage } from "../code/code-file.ts";
import { putInside } from "../inside.ts";
import type { RepositoryBench } from "../workbench/repository-bench.ts";
import { PlainValue } from "./plain-value.ts";

/** What came of one call. */
const Outcome = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("value"), value: PlainValue, type: z.string().max(100), kept: z.boolean() }),
  z.strictObject({ kind: z.literal("raised"), error: z.string().max(100), message: z.string().max(300) }),
  /** A value that has no literal. */
  z.strictObject({ kind: z.literal("other") }),
  /** Nothing within the time. */
  z.strictObject({ kind: z.literal("late") }),
]);
export type Outcome = z.infer<typeof Outcome>;

const Observed = z.strictObject({
  imported: z.boolean(),
  error: z.string().max(1_000).nullable(),
  calls: z.array(Outcome).max(2_000),
});
export type Observed = z.infer<typeof Observed>;

export interface Call {
  readonly name: string;
  readonly args: readonly PlainValue[];
}

const PROGRAMS: Readonly<Record<"python" | "javascript", readonly [program: string, command: readonly string[]]>> = {
  python: ["testgen/inside/observe.py", ["python3", "-B"]],
  javascript: ["testgen/inside/observe.mjs", ["node", "--no-warnings"]],
};
/** Of one call in Python, seconds; of all calls of a file, milliseconds. */
const CALL_SECONDS = 1;
const FILE_MS = 20_000;
const MAX_ANSWER = 1 << 20;

/** Calls functions of a file in a process of their own; `undefined` when it did not come to its end, or said nonsense. */
export async function observe(
  bench: RepositoryBench,
  language: CodeLanguage,
  { path, calls }: { readonly path: string; readonly calls: readonly Call[] },
): Promise<Observed | undefined> {
  const [program, command] = PROGRAMS[language === "python" ? "python" : "javascript"];
  const folder = await putInside(bench, [program]);
  const result = bench.scratch("observed");
  const limited = calls.map((call) => ({ ...call, limit: CALL_SECONDS }));
  const stdin = JSON.stringify({ root: bench.root, path, result, calls: limited });
  await bench.run([...command, `${folder}/${program.slice(program.lastIndexOf("/") + 1)}`], {
    stdin,
    timeoutMs: FILE_MS,
  });
  try {
    const observed = Observed.parse(JSON.parse(await bench.readFile(result, MAX_ANSWER)));
    await (await bench.sandbox.files()).remove(result, { signal: bench.signal });
    return !observed.imported || observed.calls.length === calls.length ? observed : undefined;
  } catch (error) {
    if (
      bench.signal.aborted ||
      (isGloveboxError(error) && !["not_found", "invalid_argument", "payload_too_large"].includes(error.code))
    )
      throw error;
    return undefined;
  }
}
