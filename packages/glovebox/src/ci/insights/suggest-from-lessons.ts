import type { Lesson } from "../../core/index.ts";
import { confidenceOf, holds } from "./confidence.ts";
import type { Suggestion } from "./suggestion.ts";

/** What lessons that still hold advise. */
export function suggestFromLessons(lessons: readonly Lesson[]): readonly Suggestion[] {
  return lessons.filter(holds).map((lesson) => ({
    kind: "known_failure",
    workflow: lesson.workflow,
    job: lesson.job,
    step: lesson.step,
    message: `'${lesson.step}' has failed ${lesson.failures} times with: ${lesson.example}`,
    confidence: confidenceOf(lesson),
    evidence: lesson.evidence.map(({ runId }) => runId),
  }));
}
