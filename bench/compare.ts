/**
 * `make bench-compare`: holds the ratios of bench/out/latest.json against the recorded ones in bench/recorded.json
 * and names each that worsened by more than 5% and its noise. `--record` makes the latest the recorded ones.
 */
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "./harness.ts";

const latestFile = join(import.meta.dirname, "out/latest.json");
const recordedFile = join(import.meta.dirname, "recorded.json");

function read(file: string): Result[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Result[];
  } catch {
    console.error(`${file} is missing or unreadable: run 'make bench' first`);
    process.exit(2);
  }
}

/** How far a figure spreads around its middle in one run, as a fraction. */
function noise(result: Result): number {
  return Math.min(1, Math.abs(result.p95 - result.p50) / result.p50 / 2);
}

/** Above 0: worse than before, as a fraction. Throughput figures are better when they are higher. */
function worsening(before: Result, now: Result): number {
  if (before.ratio === null || now.ratio === null) return 0;
  const change = now.ratio / before.ratio - 1;
  return now.unit === "1/s" || now.unit === "MB/s" ? -change : change;
}

if (process.argv.includes("--record")) {
  read(latestFile);
  copyFileSync(latestFile, recordedFile);
  console.log("recorded");
} else {
  const recorded = new Map(read(recordedFile).map((result) => [result.name, result]));
  let worse = 0;
  for (const now of read(latestFile)) {
    const before = recorded.get(now.name);
    if (before === undefined) continue;
    const by = worsening(before, now);
    const allowed = 0.05 + Math.max(noise(before), noise(now));
    const verdict = by > allowed ? "WORSE" : "ok";
    if (by > allowed) worse += 1;
    console.log(
      `${verdict.padEnd(6)}${now.name}: ratio ${before.ratio} -> ${now.ratio} (allowed +${Math.round(allowed * 100)}%)`,
    );
  }
  process.exitCode = worse === 0 ? 0 : 1;
}
