import type { Lesson } from "../../core/index.ts";

/** So many equal failures make a lesson. */
const ENOUGH = 3;
/** What is left of a lesson's confidence after a run in which its step succeeded. */
const FADE = 0.9;
/** Below this a lesson no longer holds. */
const HOLDS = 0.5;
/** Below this it is forgotten. */
const FORGOTTEN = 0.2;

/** How sure a lesson is, from 0 to 1: 0.7 + 0.05 for each equal failure, fading with each success since. 0 where it is none yet. */
export function confidenceOf({ failures, successesSince }: Pick<Lesson, "failures" | "successesSince">): number {
  return failures < ENOUGH ? 0 : faded(failures, successesSince);
}

function faded(failures: number, successesSince: number): number {
  return Math.round(Math.min(1, 0.7 + 0.05 * failures) * FADE ** successesSince * 1000) / 1000;
}

export function holds(lesson: Pick<Lesson, "failures" | "successesSince">): boolean {
  return confidenceOf(lesson) >= HOLDS;
}

/** Whether nothing is worth keeping of it; what is not yet a lesson fades the same way. */
export function isForgotten({ failures, successesSince }: Pick<Lesson, "failures" | "successesSince">): boolean {
  return faded(failures, successesSince) < FORGOTTEN;
}
