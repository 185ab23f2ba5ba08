import type { Command } from "commander";
import { RUN_HELP } from "../run/help.ts";

/** Declared so that it is listed and completed; `main.ts` sends its words to `run/` before this program is built. */
export function addRun(program: Command): void {
  program
    .command("run [words...]")
    .description("Run a program in a sandbox: its own stdout, stderr and exit code")
    .helpOption(false)
    .allowUnknownOption()
    .configureHelp({ formatHelp: () => RUN_HELP })
    .action(async (_words, _options, command: Command) => {
      // Reached only through words that main.ts does not know how to skip, such as an abbreviated option before `run`.
      const { runCommand } = await import("../run/command.ts");
      process.exitCode = await runCommand(command.args);
    });
}
