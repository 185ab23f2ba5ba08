#!/usr/bin/env node
/**
 * The command `glovebox`. Looks at the first words only and loads only what they need: `run` must be over in 130 ms, sandbox and
 * all, so it shares nothing with the other commands but the way errors are told.
 */
import { enableCompileCache } from "node:module";
import { wordsOfRun } from "./run/leading-words.ts";

enableCompileCache();

const words = process.argv.slice(2);
const run = wordsOfRun(words);
if (run !== undefined) {
  const { runCommand } = await import("./run/command.ts");
  process.exit(await runCommand(run));
} else {
  const { runProgram } = await import("./program.ts");
  process.exitCode = await runProgram(words);
}
