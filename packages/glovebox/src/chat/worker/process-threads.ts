import { type ReadingLimits, ReadingThreads } from "../../syntax/index.ts";
import type { readings } from "./readings.ts";

/** `.ts` in development, `.js` when published. */
const MAIN = new URL(`./main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export function openThreads(limits?: ReadingLimits): ReadingThreads<typeof readings> {
  return new ReadingThreads(MAIN, limits);
}

/** Of the whole process. The threads start with the first text, and end by themselves after a minute without one. */
export const processThreads = openThreads();
