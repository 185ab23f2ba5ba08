import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkPlace } from "./chaos-check.ts";
import { live, prepare } from "./chaos-process.ts";
import { addTally, emptyTally, MIDSTS, type Tally } from "./chaos-tally.ts";
import { chaosTrees } from "./chaos-trees.ts";
import type { MakeEngineSubject } from "./subject.ts";

/** How many processes are killed; `make chaos` says 2,000. */
const KILLS = Number(process.env.GLOVEBOX_TEST_ENGINE_KILLS ?? 200);
/** Of the first place; the following ones have the next ones. */
const SEED = Number(process.env.GLOVEBOX_TEST_SEED ?? Math.floor(Math.random() * 1e9));
const PROGRAMS = 4;
/** Kills of one place before its programs are let run to their end. */
const KILLS_A_PLACE = 16;
/** And on a machine that is busy as long as it took to open the engine: who dies before it did anything leaves nothing to find. */
const LONGEST_LIFE_MS = 150;
/** Places at a time: while one process lives, others start. */
const LANES = 2;
/** Kills below which chance may have left something out. */
const ENOUGH = 100;

class Chaos {
  readonly tally: Tally = emptyTally();
  readonly #make: MakeEngineSubject;
  readonly #child: string;
  #seed = SEED;
  killed = 0;

  constructor(make: MakeEngineSubject, child: string) {
    this.#make = make;
    this.#child = child;
  }

  /** Place after place, until enough was killed. */
  async lane(): Promise<void> {
    while (this.killed < KILLS) {
      const seed = this.#seed;
      this.#seed += 1;
      try {
        await this.#place(seed);
      } catch (error) {
        throw new Error(`GLOVEBOX_TEST_SEED=${seed}`, { cause: error });
      }
    }
  }

  async #place(seed: number): Promise<void> {
    await using subject = await this.#make();
    const folder = await mkdtemp(join(tmpdir(), "glovebox-chaos-"));
    const trees = chaosTrees(seed, PROGRAMS);
    await writeFile(join(folder, "trees"), JSON.stringify(trees));
    await writeFile(join(folder, "effects"), "");
    const life = { child: this.#child, place: subject.place, folder };
    let said: string | undefined;
    let child = prepare(life);
    try {
      for (let kills = 0; said === undefined; kills += 1) {
        const next = prepare(life);
        const isLast = kills >= KILLS_A_PLACE || this.killed >= KILLS;
        const current = child;
        child = next;
        said = await live(current, isLast ? () => Number.POSITIVE_INFINITY : randomLifeMs);
        if (said === undefined) this.killed += 1;
      }
      addTally(this.tally, await checkPlace(subject, trees, said, await readFile(join(folder, "effects"), "utf8")));
    } finally {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    }
  }
}

function randomLifeMs(openMs: number): number {
  return Math.random() * Math.max(LONGEST_LIFE_MS, openMs);
}

/** `bundle` puts what a killed process runs into a folder and gives its path. */
export function chaosConformance(make: MakeEngineSubject, bundle: (folder: string) => Promise<string>): void {
  test("killed at random points, every program ends the same, no completed step runs again, no effect gets a second key", {
    timeout: 60_000 + 3000 * KILLS,
    retry: 0,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "glovebox-chaos-child-"));
    try {
      const chaos = new Chaos(make, await bundle(folder));
      const lanes = await Promise.allSettled(Array.from({ length: LANES }, () => chaos.lane()));
      for (const lane of lanes) if (lane.status === "rejected") throw lane.reason;
      console.log(`engine chaos: ${chaos.killed} kills, runs taken up in the midst of: ${JSON.stringify(chaos.tally)}`);
      expect(chaos.killed).toBeGreaterThanOrEqual(KILLS);
      if (KILLS >= ENOUGH) for (const midst of MIDSTS) expect([midst, chaos.tally[midst]]).not.toEqual([midst, 0]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
