import { compareSuspects, type Suspect } from "./suspect.ts";

export interface Partial {
  readonly change: { readonly path: string; readonly line: number };
  readonly fixed: number;
  readonly broken: number;
}

/**
 * Suspects after a search: where changing a line let failing tests pass, the fault is likelier there, the more so the fewer passing tests it broke. `repaired`: lines that the
 * repair changes come first.
 */
export function refine(
  suspects: readonly Suspect[],
  partial: readonly Partial[],
  repaired: readonly Partial["change"][],
): readonly Suspect[] {
  const best = new Map<string, number>();
  for (const { change, fixed, broken } of partial) {
    const key = keyOf(change);
    best.set(key, Math.max(best.get(key) ?? 0, fixed / (fixed + broken)));
  }
  const certain = new Set(repaired.map(keyOf));
  const refined = suspects.map((suspect) => {
    const helped = best.get(keyOf(suspect));
    if (certain.has(keyOf(suspect))) return { ...suspect, score: 1, why: [...suspect.why, "changing it repairs"] };
    if (helped === undefined) return suspect;
    const score = suspect.score + (1 - suspect.score) * 0.5 * helped;
    return {
      ...suspect,
      score: Math.round(score * 1e6) / 1e6,
      why: [...suspect.why, "changing it lets failing tests pass"],
    };
  });
  return refined.sort(compareSuspects);
}

function keyOf({ path, line }: Partial["change"]): string {
  return `${path}:${line}`;
}
