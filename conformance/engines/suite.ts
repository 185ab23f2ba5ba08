import { describe } from "vitest";
import { programConformance } from "./programs.ts";
import type { MakeEngineSubject } from "./subject.ts";

/** Runs every test that a durable engine must pass. `make` gives an empty place for engines, once a test. */
export function engineConformance(name: string, make: MakeEngineSubject): void {
  describe(`engine ${name}`, () => {
    describe("programs", () => programConformance(make));
  });
}
