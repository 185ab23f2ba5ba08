import type { SessionInput } from "@glovebox/sdk";
import type { Command } from "commander";
import type { Language } from "../../core/index.ts";
import { findServer, type GlobalFlags } from "../connect.ts";
import { UsageError } from "../failure.ts";
import { withSpinner } from "../render/progress.ts";
import type { ReplBackend } from "../repl/backend.ts";
import { languageNamed } from "../run/arguments.ts";
import { defaultLanguage } from "../run/language-of.ts";
import { flagsOf, secondsAsMs } from "./options.ts";

interface ReplFlags {
  readonly isolation?: NonNullable<SessionInput["isolation"]>;
  readonly template?: string;
  readonly local?: boolean;
  readonly allowPartial?: boolean;
  readonly timeout?: number;
}

export function addRepl(program: Command): void {
  program
    .command("repl [language]")
    .description("Evaluate line by line in a sandbox that keeps its state")
    .option("-i, --isolation <name>", "how strong the wall is")
    .option("-t, --template <name>", "what the session is made from")
    .option("--timeout <seconds>", "stop a line after this long", secondsAsMs)
    .option("--allow-partial", "start although a limit cannot be enforced")
    .option("--local", "in this process although a server answers")
    .action(async (name: string | undefined, _options, command: Command) => {
      const flags = flagsOf<ReplFlags>(command);
      if (flags.json === true) throw new UsageError("a REPL has no JSON form", "`exec SESSION -e CODE --json` has");
      const language = name === undefined ? undefined : languageNamed(name);
      if (name !== undefined && language === undefined) throw new UsageError(`unknown language '${name}'`);
      const first = language ?? defaultLanguage(flags.isolation, flags.template);
      await using backend = await withSpinner("starting a sandbox", () => openBackend(flags, first));
      const { replLoop } = await import("../repl/loop.ts");
      process.exitCode = await replLoop(backend, language ?? backend.languages[0] ?? first);
    });
}

async function openBackend(flags: ReplFlags & GlobalFlags, language: Language): Promise<ReplBackend> {
  const input: SessionInput = {
    template: flags.template,
    isolation: flags.isolation,
    languages: flags.template === undefined ? [language] : undefined,
    allowPartial: flags.allowPartial,
  };
  const address = flags.local === true ? undefined : findServer(flags);
  if (address !== undefined) {
    const { answers } = await import("../run/server-run.ts");
    if (address.origin === "named" || (await answers(address))) {
      const { serverBackend } = await import("../repl/server-backend.ts");
      return serverBackend(address, input, flags.timeout);
    }
  }
  const { localBackend } = await import("../repl/local-backend.ts");
  return localBackend(input, language, flags.timeout);
}
