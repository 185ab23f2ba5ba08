import type { RepositoryFile } from "./repository-tree.ts";

/**
 * What the repository's files were when they were listed last, for as long as nothing can have changed them: no program ran since, nothing was written. It is in this
 * process alone, so that a run that is resumed looks again.
 */
export class KnownFiles {
  #known: { readonly leftOut: string; readonly files: readonly RepositoryFile[] } | undefined;
  /** Of how many changes the end is not known yet. */
  #open = 0;
  #changes = 0;

  /** Something may change them from now until this is disposed of. */
  changing(): Disposable {
    this.#open += 1;
    this.#changes += 1;
    this.#known = undefined;
    return {
      [Symbol.dispose]: () => {
        this.#open -= 1;
      },
    };
  }

  /** Those without folders that are left out; `undefined` when they are to be listed. */
  get(leaveOut: readonly string[]): readonly RepositoryFile[] | undefined {
    return this.#known?.leftOut === keyOf(leaveOut) ? this.#known.files : undefined;
  }

  /** To be asked before they are listed; what it gives takes them, if nothing has changed meanwhile. */
  listing(leaveOut: readonly string[]): (files: readonly RepositoryFile[]) => void {
    const before = this.#changes;
    const isQuiet = this.#open === 0;
    return (files) => {
      if (isQuiet && this.#changes === before) this.#known = { leftOut: keyOf(leaveOut), files };
    };
  }
}

function keyOf(leaveOut: readonly string[]): string {
  return JSON.stringify(leaveOut);
}
