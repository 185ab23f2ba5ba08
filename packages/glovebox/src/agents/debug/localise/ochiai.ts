/** Lines that tests ran, by path, by test. */
export type PerTest = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

export interface Spectrum {
  readonly score: number;
  /** How many failing and passing tests ran the line. */
  readonly failed: number;
  readonly passed: number;
}

/** Ochiai's coefficient of every line that a failing test ran: those that failing tests run and passing ones do not come near 1. */
export function ochiai(
  perTest: PerTest,
  failing: ReadonlySet<string>,
  passing: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlyMap<number, Spectrum>> {
  const known = Object.entries(perTest);
  const seen = known.filter(([test]) => failing.has(test)).length;
  const counts = new Map<string, Map<number, { failed: number; passed: number }>>();
  for (const [test, files] of known) {
    const [isFailing, isPassing] = [failing.has(test), passing.has(test)];
    if (!isFailing && !isPassing) continue;
    for (const [path, lines] of Object.entries(files)) {
      const ofFile = counts.get(path) ?? new Map<number, { failed: number; passed: number }>();
      counts.set(path, ofFile);
      for (const line of new Set(lines)) {
        const count = ofFile.get(line) ?? { failed: 0, passed: 0 };
        ofFile.set(line, count);
        if (isFailing) count.failed += 1;
        else count.passed += 1;
      }
    }
  }
  const scored = new Map<string, Map<number, Spectrum>>();
  for (const [path, ofFile] of counts) {
    const lines = [...ofFile].filter(([, { failed }]) => failed > 0);
    const score = ({ failed, passed }: { failed: number; passed: number }) =>
      failed / Math.sqrt(seen * (failed + passed));
    if (lines.length > 0)
      scored.set(path, new Map(lines.map(([line, count]) => [line, { ...count, score: score(count) }])));
  }
  return scored;
}
