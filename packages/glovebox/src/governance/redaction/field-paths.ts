import { GloveboxError } from "../../core/index.ts";

const MAX_PATHS = 100;
const MAX_SEGMENTS = 16;

/** Which of the paths' segments may match the next key: indices into all segments. */
export type PathState = readonly number[];

/**
 * Paths of fields whose values are masked whole: keys joined by dots, `*` for any one key or index, `**` for any number of them, none
 * included; upper and lower case are the same. All paths are followed at once, so a step costs no more than the paths have segments.
 */
export class FieldPaths {
  readonly start: PathState;
  readonly #segments: string[] = [];

  /** Errors: `invalid_argument` for an empty segment, more than 100 paths, or more than 16 segments in one. */
  constructor(paths: readonly string[]) {
    if (paths.length > MAX_PATHS) throw new GloveboxError("invalid_argument", `more than ${MAX_PATHS} field paths`);
    const starts: number[] = [];
    for (const path of paths) {
      const segments = path.toLowerCase().split(".");
      if (segments.length > MAX_SEGMENTS || segments.includes("")) {
        throw new GloveboxError(
          "invalid_argument",
          `'${path}' is no field path: keys joined by dots, ${MAX_SEGMENTS} at most`,
        );
      }
      starts.push(this.#segments.length);
      // An empty segment ends a path.
      this.#segments.push(...segments, "");
    }
    this.start = this.#open(starts);
  }

  /** What may match below `key`. Ask {@link isMasked} about it first. */
  step(state: PathState, key: string): PathState {
    if (state.length === 0) return state;
    const name = key.toLowerCase();
    const next: number[] = [];
    for (const at of state) {
      const segment = this.#segments[at];
      if (segment === "**") next.push(at);
      else if (segment === "*" || (segment !== "" && segment === name)) next.push(at + 1);
    }
    return this.#open(next);
  }

  /** Whether a path ends here. */
  isMasked(state: PathState): boolean {
    return state.some((at) => this.#segments[at] === "");
  }

  /** `**` may stand for no key at all. */
  #open(at: readonly number[]): PathState {
    const open = new Set<number>();
    for (const first of at) {
      let index = first;
      open.add(index);
      while (this.#segments[index] === "**") {
        index += 1;
        open.add(index);
      }
    }
    return [...open];
  }
}
