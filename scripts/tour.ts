/**
 * `make run`: starts the server and shows, on real code, what it does. On a terminal the server then stays up until Ctrl-C;
 * without one the tour ends with exit code 0 only when every stop of it held.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Glovebox } from "@glovebox/sdk";
import { STOPS, type Stop } from "./tour-stops.ts";

const root = resolve(import.meta.dirname, "..");
const glovebox = join(root, "bin/glovebox");
const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
const paint = (code: number, text: string) =>
  process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text;

interface Running {
  readonly url: string;
  readonly token: string;
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

/** On a terminal the server is the user's own, with the usual folder and port; else one that leaves nothing behind. */
async function start(): Promise<Running> {
  const scratch = interactive ? undefined : await mkdtemp(join(tmpdir(), "glovebox-tour-"));
  try {
    return await startWith(scratch === undefined ? [] : ["--data", scratch, "--port", "0"], scratch);
  } catch (error) {
    if (scratch !== undefined || !String(error).includes("port")) throw error;
    return startWith(["--port", "0"], undefined);
  }
}

async function startWith(args: readonly string[], scratch: string | undefined): Promise<Running> {
  const child = spawn(glovebox, ["up", "--json", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, GLOVEBOX_LOG_LEVEL: process.env.GLOVEBOX_LOG_LEVEL ?? "warn" },
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-20_000);
  });
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    const { url, token } = JSON.parse(line) as { url: string; token: string };
    const stop = async () => {
      if (child.exitCode === null) child.kill("SIGTERM");
      await ended;
      if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
    };
    return { url, token, ended, stop };
  }
  throw new Error(`the server did not start: ${errors.trim()}`);
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
