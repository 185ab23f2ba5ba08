import type { SessionInput } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { withSpinner } from "../render/progress.ts";
import { flagsOf } from "./options.ts";
import { sessionNamed } from "./session-reference.ts";

interface ShellFlags {
  readonly isolation?: NonNullable<SessionInput["isolation"]>;
  readonly template?: string;
}

export function addShell(program: Command): void {
  program
    .command("shell [session] [argv...]")
    .description("A real terminal in a session (a new one without SESSION, closed after it)")
    .option("-i, --isolation <name>", "of the new session")
    .option("-t, --template <name>", "of the new session")
    .action(async (name: string | undefined, argv: string[], _options, command: Command) => {
      const flags = flagsOf<ShellFlags>(command);
      if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) {
        throw new UsageError(
          "a shell needs a terminal on stdin and stdout",
          "`glovebox exec SESSION -- PROGRAM` needs none",
        );
      }
      const box = await openClient(flags);
      const make = () => box.sessions.create({ template: flags.template, isolation: flags.isolation });
      const session = await (name === undefined ? withSpinner("starting a sandbox", make) : sessionNamed(box, name));
      try {
        const { attachTerminal } = await import("../shell/attach.ts");
        process.exitCode = await attachTerminal(session, argv.length === 0 ? undefined : argv);
      } finally {
        if (name === undefined) await session.close().catch(() => {});
      }
    });
}
