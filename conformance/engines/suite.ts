import { describe } from "vitest";
import { damageConformance } from "./damage.ts";
import { endingConformance } from "./ending.ts";
import { journalConformance } from "./journal.ts";
import { programConformance } from "./programs.ts";
import { recoveryConformance } from "./recovery.ts";
import type { MakeEngineSubject } from "./subject.ts";
import { taskConformance } from "./tasks.ts";
import { waitingConformance } from "./waiting.ts";

/** Runs what a durable engine must do for programs while they live. `make` gives an empty place for engines, once a test. */
export function engineConformance(name: string, make: MakeEngineSubject): void {
  describe(`engine ${name}`, () => {
    describe("programs", () => programConformance(make));
    describe("waiting", () => waitingConformance(make));
    describe("ending", () => endingConformance(make));
    describe("tasks", () => taskConformance(make));
  });
}

/** Runs what it must do with their journals. Apart, so that the two can run side by side. */
export function engineHistoryConformance(name: string, make: MakeEngineSubject): void {
  describe(`engine ${name}`, () => {
    describe("recovery", () => recoveryConformance(make));
    describe("journal", () => journalConformance(make));
    describe("damage", () => damageConformance(make));
  });
}
