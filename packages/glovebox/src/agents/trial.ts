import { z } from "zod";
import { isGloveboxError } from "../core/index.ts";
import type { TextChange } from "./workbench/make-diff.ts";
import type { RepositoryBench } from "./workbench/repository-bench.ts";
import { isRepositoryPath } from "./workbench/repository-tree.ts";

/** What files were before a trial. */
const Kept = z
  .array(
    z.strictObject({
      path: z.string().refine(isRepositoryPath),
      before: z.string().nullable(),
      mode: z.number().int().min(0).max(0o777),
    }),
  )
  .max(5_000);

const MAX_KEPT = 32 << 20;
const NEW_MODE = 0o644;

/** Changes of the repository that are tried within a step, and taken back: also by the next attempt, when a crash cut this one short. */
export class Trial {
  readonly #bench: RepositoryBench;
  readonly #kept: string;

  private constructor(bench: RepositoryBench) {
    this.#bench = bench;
    this.#kept = bench.kept("trial-of");
  }

  /** To be opened once, at the step's beginning. */
  static async open(bench: RepositoryBench): Promise<Trial> {
    const trial = new Trial(bench);
    await trial.#takeBack();
    return trial;
  }

  /** Does `work` with the files as they are to be. */
  async with<T>(changes: readonly TextChange[], work: () => Promise<T>): Promise<T> {
    const kept: z.infer<typeof Kept> = [];
    for (const { path, before } of changes) kept.push({ path, before, mode: await this.#modeOf(path) });
    await this.#bench.writeFile(this.#kept, JSON.stringify(kept));
    try {
      for (const [at, { path, after }] of changes.entries()) await this.#put(path, after, kept[at]?.mode);
      return await work();
    } finally {
      if (!this.#bench.signal.aborted) await this.#takeBack();
    }
  }

  async #takeBack(): Promise<void> {
    const text = await this.#bench.readFileIfAny(this.#kept, MAX_KEPT);
    if (text === undefined) return;
    for (const { path, before, mode } of Kept.parse(JSON.parse(text))) await this.#put(path, before, mode);
    await (await this.#bench.sandbox.files()).remove(this.#kept, { signal: this.#bench.signal });
  }

  async #modeOf(path: string): Promise<number> {
    const files = await this.#bench.sandbox.files();
    try {
      return (await files.stat(`${this.#bench.root}/${path}`, { signal: this.#bench.signal })).mode & 0o777;
    } catch (error) {
      if (isGloveboxError(error, "not_found")) return NEW_MODE;
      throw error;
    }
  }

  async #put(path: string, content: string | null, mode = NEW_MODE): Promise<void> {
    if (content !== null) return await this.#bench.writeFile(path, content, { mode });
    const files = await this.#bench.sandbox.files();
    await files.remove(`${this.#bench.root}/${path}`, { signal: this.#bench.signal }).catch((error: unknown) => {
      if (!isGloveboxError(error, "not_found")) throw error;
    });
  }
}
