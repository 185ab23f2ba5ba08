/**
 * `make run`: starts the server and shows, on real code, what it does. On a terminal the server then stays up until Ctrl-C;
 * without one the tour ends with exit code 0 only when every stop of it held.
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { type Running, startTourServer } from "./tour-server.ts";
import { STOPS, type Stop } from "./tour-stops.ts";

const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
const paint = (code: number, text: string) =>
  process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text;

/** On a terminal the server is the user's own, with the usual folder and port; else one that leaves nothing behind. */
async function start(): Promise<Running> {
  const scratch = interactive ? undefined : await mkdtemp(join(tmpdir(), "glovebox-tour-"));
  try {
    return await startTourServer(scratch === undefined ? [] : ["--data", scratch, "--port", "0"], scratch);
  } catch (error) {
    if (scratch !== undefined || !String(error).includes("port")) throw error;
    return startTourServer(["--port", "0"], undefined);
  }
}

async function take(box: Glovebox, stop: Stop): Promise<boolean> {
  const from = performance.now();
  try {
    const seen = await stop.show(box);
    const ms = (performance.now() - from).toFixed(0).padStart(6);
    const mark = seen.skipped ? paint(33, "skip") : paint(32, " ok ");
    console.log(`${mark} ${ms} ms  ${stop.title}${seen.text === "" ? "" : paint(2, `  ${seen.text}`)}`);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.log(
      `${paint(31, "FAIL")} ${(performance.now() - from).toFixed(0).padStart(6)} ms  ${stop.title}  ${message}`,
    );
    return false;
  }
}

const running = await start();
let failed = 0;
try {
  const box = await Glovebox.connect({ url: running.url, token: running.token });
  console.log(`\n${paint(1, "Glovebox")} answers at ${running.url}\n`);
  for (const stop of STOPS) if (!(await take(box, stop))) failed += 1;
  console.log(`\n${STOPS.length - failed} of ${STOPS.length} stops held.`);
} catch (error) {
  failed += 1;
  console.error(error);
}

if (interactive) {
  console.log(
    `\nThe server stays up; Ctrl-C ends it.\n\n  address  ${running.url}\n  token    ${running.token}\n  API      ${running.url}/docs\n`,
  );
  console.log(`  export GLOVEBOX_URL=${running.url} GLOVEBOX_TOKEN=${running.token}\n`);
  process.once("SIGINT", () => void running.stop());
  await running.ended;
} else {
  await running.stop();
}
process.exitCode = failed === 0 ? 0 : 1;
