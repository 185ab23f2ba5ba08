import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { formatFor, printJson } from "../render/print.ts";
import { withSpinner } from "../render/progress.ts";
import { flagsOf, integer } from "./options.ts";
import { sessionNamed } from "./session-reference.ts";
import { snapshotNamed } from "./snapshot-reference.ts";

/** What the new sessions have, in words. */
const PATHS = {
  files: "the same files",
  shared: "the same files, memory and processes, sharing what does not change",
  copied: "the same files, memory and processes",
} as const;

export function addFork(program: Command): void {
  program
    .command("fork <session>")
    .description("Make sessions that continue from a session's state; prints their ids")
    .option("--count <n>", "how many, 1 to 64 (default 1)", integer(1, 64))
    .option("--snapshot <snapshot>", "continue from this snapshot (id or name); the session may be closed then")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf<{ count?: number; snapshot?: string }>(command);
      const session = await sessionNamed(await openClient(flags), name);
      const snapshot = flags.snapshot === undefined ? undefined : await snapshotNamed(session, flags.snapshot);
      const made = await withSpinner("forking", () => session.fork({ count: flags.count, snapshot }));
      const { path, silentMs } = made;
      const sessions = made.sessions.map(({ info }) => info);
      const format = formatFor(flags);
      if (format === "json") return printJson({ sessions, path, silentMs });
      for (const { id } of sessions) process.stdout.write(`${id}\n`);
      if (format === "human") process.stderr.write(`they have ${PATHS[path]}\n`);
    });
}
