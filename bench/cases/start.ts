import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cleanEnv } from "../../test/support/server.ts";
import { runBare } from "../floors.ts";
import { type Case, timeEach } from "../harness.ts";
import { glovebox } from "../server.ts";

/** Listens, says so, and does nothing else. */
const BARE_SERVER = 'require("node:http").createServer().listen(0, "127.0.0.1", () => console.log("ready"))';

/** Milliseconds until the process says by its first line that it answers. It is ended afterwards, which does not count. */
async function untilReady(argv: readonly [string, ...string[]]): Promise<number> {
  const [command, ...args] = argv;
  const start = performance.now();
  const child = spawn(command, args, {
    env: { ...cleanEnv(), GLOVEBOX_LOG_LEVEL: "error" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  const ready = once(createInterface({ input: child.stdout }), "line").then(() => true);
  if (!(await Promise.race([ready, gone.then(() => false)]))) throw new Error(`${command} ended before it was ready`);
  const took = performance.now() - start;
  child.kill("SIGTERM");
  await gone;
  return took;
}

/** Of so many starts after one that does not count. */
async function readyTimes(count: number, argv: (index: number) => readonly [string, ...string[]]): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index <= count; index += 1) samples.push(await untilReady(argv(index)));
  return samples.slice(1);
}

/** `glovebox up` over an empty data folder until it answers. */
const serverReady: Case = {
  name: "start.server",
  unit: "ms",
  target: { better: "lower", p50: 800 },
  async run() {
    const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
    try {
      const up = (index: number) =>
        [glovebox, "up", "--port", "0", "--data", join(folder, `${index}`), "--json"] as const;
      const samples = await readyTimes(15, up);
      const floor = await readyTimes(15, () => [process.execPath, "-e", BARE_SERVER]);
      return { samples, floor: { name: "node that listens", samples: floor } };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** The command line's own start. */
const version: Case = {
  name: "start.version",
  unit: "ms",
  target: { better: "lower", p50: 100 },
  async run() {
    const samples = await timeEach(30, 2, () => runBare([glovebox, "--version"]));
    const floor = await timeEach(30, 2, () => runBare([process.execPath, "-e", "0"]));
    return { samples, floor: { name: "node -e 0", samples: floor } };
  },
};

export const START_CASES: readonly Case[] = [serverReady, version];
