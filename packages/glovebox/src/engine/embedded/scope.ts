import { GloveboxError } from "../../core/index.ts";
import { checkName } from "../program.ts";

const MAX_PATH = 1000;

/** A part of a program in which names are counted: the program itself, or one branch. */
export class Scope {
  readonly #prefix: string;
  readonly #counts = new Map<string, number>();
  readonly #abort = new AbortController();
  readonly #parent: Scope | undefined;
  #signal: AbortSignal | undefined;

  constructor(prefix = "", parent?: Scope) {
    this.#prefix = prefix;
    this.#parent = parent;
  }

  /** Aborts when this part of the program, or one that it is in, is to end. */
  get signal(): AbortSignal {
    this.#signal ??=
      this.#parent === undefined ? this.#abort.signal : AbortSignal.any([this.#abort.signal, this.#parent.signal]);
    return this.#signal;
  }

  /** Why nothing more may be asked for here; `undefined` while it may. */
  get endedBy(): unknown {
    return this.#abort.signal.aborted ? this.#abort.signal.reason : this.#parent?.endedBy;
  }

  /** The place of the next operation of that name: `build`, then `build#2`. `invalid_argument` on a name that cannot be one. */
  pathFor(name: string): string {
    checkName(name, "an operation");
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const path = count === 1 ? this.#prefix + name : `${this.#prefix}${name}#${count}`;
    if (path.length <= MAX_PATH) return path;
    throw new GloveboxError(
      "invalid_argument",
      `branches are nested too deep: a path has at most ${MAX_PATH} characters`,
    );
  }

  branch(path: string): Scope {
    return new Scope(`${path}/`, this);
  }

  /** A branch's own scope within the group that `path` names. */
  within(key: string): Scope {
    checkName(key, "a branch");
    return new Scope(`${this.#prefix}${key}/`, this);
  }

  isIn(other: Scope): boolean {
    return this === other || (this.#parent?.isIn(other) ?? false);
  }

  end(reason: unknown): void {
    this.#abort.abort(reason);
  }
}
