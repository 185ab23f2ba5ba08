import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Language } from "../../core/index.ts";
import { writeOnce } from "./write-once.ts";

/** What was seen when a machine was really started: good for as long as everything in `about` is the same. */
export interface SeenMachine {
  readonly startMs: number;
  /** What each language said of itself in the machine. */
  readonly versions: Readonly<Partial<Record<Language, string>>>;
  readonly notes: readonly string[];
}

const FILE = "probe.json";

/** What was seen of exactly those versions, if something was. Failures are never kept. */
export async function keptProbe(cacheDir: string, about: string): Promise<SeenMachine | undefined> {
  try {
    const kept = JSON.parse(await readFile(join(cacheDir, FILE), "utf8"));
    if (kept.about !== about || typeof kept.startMs !== "number" || !Array.isArray(kept.notes)) return undefined;
    const versions = Object.entries(kept.versions ?? {}).filter(([, version]) => typeof version === "string");
    return { startMs: kept.startMs, versions: Object.fromEntries(versions), notes: kept.notes.map(String) };
  } catch {
    return undefined;
  }
}

/** Another user's cache stays as it is: the next server looks again. */
export async function keepProbe(cacheDir: string, about: string, seen: SeenMachine): Promise<void> {
  try {
    await mkdir(cacheDir, { recursive: true });
    await writeOnce(join(cacheDir, FILE), Buffer.from(JSON.stringify({ about, ...seen })));
  } catch {
    // Nothing is lost but time.
  }
}
