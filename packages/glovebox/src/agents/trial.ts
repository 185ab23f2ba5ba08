import { z } from "zod";
import { isGloveboxError } from "../core/index.ts";
import type { TextChange } from "./workbench/make-diff.ts";
import type { RepositoryBench } from "./workbench/repository-bench.ts";
import { isRepositoryPath } from "./workbench/repository-tree.ts";

/** What files were before a trial. */
const Kept = z
  .array(z.strictObject({ path: z.string().refine(isRepositoryPath), before: z.string().nullable() }))
  .max(5_000);

const MAX_KEPT = 32 << 20;

/** Changes of the repository that are tried within a step, and taken back: also by the next attempt, when a crash cut this one short. */
export class Trial {
  readonly #bench: RepositoryBench;
  readonly #kept: string;

  private constructor(bench: RepositoryBench) {
    this.#bench = bench;
    this.#kept = bench.scratch("trial-of");
  }

  /** To be opened once, at the step's beginning. */
  static async open(bench: RepositoryBench): Promise<Trial> {
    const trial = new Trial(bench);
    await trial.#takeBack();
    return trial;
  }

  /** Does `work` with the files as they are to be. */
  async with<T>(changes: readonly TextChange[], work: () => Promise<T>): Promise<T> {
    await this.#bench.writeFile(this.#kept, JSON.stringify(changes.map(({ path, before }) => ({ path, before }))));
    try {
      for (const { path, after } of changes) await this.#put(path, after);
      return await work();
    } finally {
      if (!this.#bench.signal.aborted) await this.#takeBack();
    }
  }

  async #takeBack(): Promise<void> {
    const text = await this.#bench.readFileIfAny(this.#kept, MAX_KEPT);
    if (text === undefined) return;
    for (const { path, before } of Kept.parse(JSON.parse(text))) await this.#put(path, before);
    await (await this.#bench.sandbox.files()).remove(this.#kept, { signal: this.#bench.signal });
  }

  async #put(path: string, content: string | null): Promise<void> {
    if (content !== null) return await this.#bench.writeFile(path, content);
    const files = await this.#bench.sandbox.files();
    await files.remove(`${this.#bench.root}/${path}`, { signal: this.#bench.signal }).catch((error: unknown) => {
      if (!isGloveboxError(error, "not_found")) throw error;
    });
  }
}
