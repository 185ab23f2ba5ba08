import { describe } from "vitest";
import { endingConformance } from "./ending.ts";
import { journalConformance } from "./journal.ts";
import { programConformance } from "./programs.ts";
import { recoveryConformance } from "./recovery.ts";
import type { MakeEngineSubject } from "./subject.ts";
import { taskConformance } from "./tasks.ts";
import { waitingConformance } from "./waiting.ts";

/** Runs every test that a durable engine must pass. `make` gives an empty place for engines, once a test. */
export function engineConformance(name: string, make: MakeEngineSubject): void {
  describe(`engine ${name}`, () => {
    describe("programs", () => programConformance(make));
    describe("waiting", () => waitingConformance(make));
    describe("recovery", () => recoveryConformance(make));
    describe("ending", () => endingConformance(make));
    describe("tasks", () => taskConformance(make));
    describe("journal", () => journalConformance(make));
  });
}
