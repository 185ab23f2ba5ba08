/** What kinds of changes are tried, and how often each is the right one where a line is wrong: from what is known of people's faults, not from any set of programs. */
export const MUTATION_PRIORS = {
  comparison: 0.9,
  arithmetic: 0.8,
  off_by_one: 0.8,
  logic: 0.8,
  negation: 0.7,
  swapped_arguments: 0.7,
  return: 0.7,
  slice: 0.65,
  await: 0.6,
  boolean: 0.6,
  member: 0.6,
  constant: 0.55,
  variable: 0.5,
  closure: 0.5,
  exception: 0.5,
  rounding: 0.5,
  update: 0.5,
  copy: 0.45,
  order: 0.45,
  guard: 0.45,
  default: 0.45,
  jump: 0.4,
  conversion: 0.35,
  insertion: 0.3,
  deletion: 0.25,
  move: 0.25,
} as const;

export type MutationKind = keyof typeof MUTATION_PRIORS;

/** One change of a file: the text from `start` to `end` becomes `text`. */
export interface Change {
  readonly path: string;
  /** Where it begins, from 1. */
  readonly line: number;
  /** Offsets in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Higher is tried first. */
  readonly score: number;
}

/** A change that an operator made. Its score: how suspicious its line is times how often such a change is right. */
export interface Mutation extends Change {
  readonly kind: MutationKind;
}

/** A change that an operator proposes. `weight` (0 to 1, default 1) makes less of it than of others of its kind. */
export interface Edit {
  readonly kind: MutationKind;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly weight?: number;
}

/** The file after changes that do not overlap. */
export function applyChanges(text: string, edits: readonly Pick<Change, "start" | "end" | "text">[]): string {
  const last = [...edits].sort((a, b) => b.start - a.start || b.end - a.end);
  return last.reduce((changed, { start, end, text: by }) => changed.slice(0, start) + by + changed.slice(end), text);
}

/** Whether two changes can be made together: they are apart in one file, or in two. */
export function areApart(a: Change, b: Change): boolean {
  return a.path !== b.path || a.end < b.start || b.end < a.start;
}
