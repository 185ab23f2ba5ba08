import { afterEach, describe, test as vitestTest } from "vitest";
import { damageConformance } from "./damage.ts";
import { deadLetterConformance } from "./dead-letters.ts";
import { endingConformance } from "./ending.ts";
import { forkConformance } from "./forking.ts";
import { journalConformance } from "./journal.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { programConformance } from "./programs.ts";
import { recoveryConformance } from "./recovery.ts";
import { replayConformance } from "./replay.ts";
import { rollbackConformance } from "./rollback.ts";
import type { MakeEngineSubject } from "./subject.ts";
import { taskConformance } from "./tasks.ts";
import { waitingConformance } from "./waiting.ts";

/** What a part of the suite is given: empty places for engines, one a test, and how to define a test. */
export interface Suite {
  readonly make: MakeEngineSubject;
  test(name: string, run: () => Promise<void>): void;
}

const PARTS = {
  programs: programConformance,
  waiting: waitingConformance,
  ending: endingConformance,
  tasks: taskConformance,
  recovery: recoveryConformance,
  forking: forkConformance,
  rollback: rollbackConformance,
  replay: replayConformance,
  deadLetters: deadLetterConformance,
  /** This and the next know how this repository's journals are laid out: exact records and numbers. */
  journal: journalConformance,
  damage: damageConformance,
} satisfies Record<string, (suite: Suite) => void>;

export type Part = keyof typeof PARTS;

/** By `part: test`, the reason. Such a test must fail; one that passes, or does not exist, is an error, so that the list stays true. */
export type KnownFailures = Readonly<Record<string, string>>;

/** Runs parts of what every durable engine must do. In files of their own they run side by side. */
export function engineConformance(
  name: string,
  make: MakeEngineSubject,
  parts: readonly Part[],
  knownFailures: KnownFailures = {},
): void {
  const places = new OneAtATime(make);
  afterEach(() => places.close());
  describe(`engine ${name}`, () => {
    const defined = new Set<string>();
    for (const part of parts) {
      describe(part, () => {
        const define = definer(part, knownFailures, defined);
        PARTS[part]({ make: () => places.make(), test: define });
      });
    }
    vitestTest("every known failure is a test", () => checkKnown(parts, knownFailures, defined));
  });
}

function definer(part: Part, known: KnownFailures, defined: Set<string>): Suite["test"] {
  return (name, run) => {
    const key = `${part}: ${name}`;
    defined.add(key);
    const reason = known[key];
    if (reason === undefined) vitestTest(name, run);
    else vitestTest.fails(`${name} (known to fail: ${reason})`, run);
  };
}

/** Throws when something is listed that is no test of these parts, or without a reason. */
export function checkKnown(parts: readonly Part[], known: KnownFailures, defined: ReadonlySet<string>): void {
  for (const [key, reason] of Object.entries(known)) {
    const [part = ""] = key.split(":");
    const isElsewhere = Object.hasOwn(PARTS, part) && !(parts as readonly string[]).includes(part);
    if (!isElsewhere && !defined.has(key)) throw new Error(`there is no test ${key}`);
    if (reason === "") throw new Error(`${key} is known to fail without a reason`);
  }
}
