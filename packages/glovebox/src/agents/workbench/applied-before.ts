import { z } from "zod";
import { isGloveboxError } from "../../core/index.ts";
import type { AppliedFile } from "./apply-diff.ts";
import { hashOf } from "./make-diff.ts";
import type { RepositoryBench } from "./repository-bench.ts";
import { isRepositoryPath } from "./repository-tree.ts";

const Kept = z.array(
  z.strictObject({
    path: z.string().refine(isRepositoryPath),
    action: z.enum(["created", "modified", "deleted", "unchanged"]),
    merged: z.boolean(),
    /** Of what the file is to be; null: it goes. */
    hash: z.string().nullable(),
    mode: z.number().int(),
  }),
);
/** More than the files of any diff take. */
const MAX_KEPT = 8 << 20;

/** What a diff is about to do to a file, and what the file is then. */
interface Intended {
  readonly applied: AppliedFile;
  readonly content: string | null;
  readonly mode: number;
}

/**
 * What an attempt was about to do before a crash cut it short: the next one finds files that are already as they are to be, and tells of them what this one would have told.
 * Beside the repository; whoever forges it changes what is told of files that are as they are to be, and nothing else.
 */
export class AppliedBefore {
  readonly #bench: RepositoryBench;
  readonly #path: string;
  readonly #kept: ReadonlyMap<string, z.infer<typeof Kept>[number]>;

  private constructor(bench: RepositoryBench, path: string, kept: z.infer<typeof Kept>) {
    this.#bench = bench;
    this.#path = path;
    this.#kept = new Map(kept.map((one) => [one.path, one]));
  }

  /** To be asked for once in a step's attempt. */
  static async read(bench: RepositoryBench): Promise<AppliedBefore> {
    const path = bench.kept("applied");
    return new AppliedBefore(bench, path, bench.attempt === 1 ? [] : await readKept(bench, path));
  }

  /** What the earlier attempt did to the file: absent when it is not, or not yet, what it was to be. */
  find(
    path: string,
    current: { readonly content: string; readonly mode: number } | undefined,
  ): AppliedFile | undefined {
    const kept = this.#kept.get(path);
    if (kept === undefined || kept.hash !== hashIfAny(current?.content ?? null)) return undefined;
    if (current !== undefined && current.mode !== kept.mode) return undefined;
    const { action, merged } = kept;
    return { path, action, merged };
  }

  /** To be called before the first file changes. */
  async keep(intended: readonly Intended[]): Promise<void> {
    const kept = intended.map(({ applied, content, mode }) => ({ ...applied, hash: hashIfAny(content), mode }));
    await this.#bench.writeFile(this.#path, JSON.stringify(kept));
  }
}

function hashIfAny(content: string | null): string | null {
  return content === null ? null : hashOf(content);
}

/** Nothing that can be read is nothing that was kept. */
async function readKept(bench: RepositoryBench, path: string): Promise<z.infer<typeof Kept>> {
  try {
    return Kept.parse(JSON.parse((await bench.readFileIfAny(path, MAX_KEPT)) ?? "[]"));
  } catch (error) {
    if (bench.signal.aborted || (isGloveboxError(error) && error.code === "unavailable")) throw error;
    return [];
  }
}
