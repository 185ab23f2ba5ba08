import { ReadingThreads } from "./reading-threads.ts";

/** Of the whole process. The threads start with the first text, and end by themselves after a minute without one. */
export const processThreads = new ReadingThreads();
