import { Command, CommanderError } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { addAgents } from "./commands/agents/index.ts";
import { addApprovals } from "./commands/approvals.ts";
import { addAssistants } from "./commands/assistants.ts";
import { addAudit } from "./commands/audit.ts";
import { addBackup } from "./commands/backup.ts";
import { addBench } from "./commands/bench.ts";
import { addChat } from "./commands/chat.ts";
import { addCi } from "./commands/ci.ts";
import { addCompletion, completions } from "./commands/completion.ts";
import { addConfig } from "./commands/config.ts";
import { addContext } from "./commands/context/context.ts";
import { addConversations } from "./commands/conversations.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEgress } from "./commands/egress.ts";
import { addExec } from "./commands/exec.ts";
import { addExtract } from "./commands/extract.ts";
import { addFork } from "./commands/fork.ts";
import { addImage } from "./commands/image.ts";
import { addMcp } from "./commands/mcp.ts";
import { addPool } from "./commands/pool.ts";
import { addRepl } from "./commands/repl.ts";
import { addRetention } from "./commands/retention.ts";
import { addRun } from "./commands/run.ts";
import { addRuns } from "./commands/runs/index.ts";
import { addSecret } from "./commands/secret.ts";
import { addSession } from "./commands/session.ts";
import { addShell } from "./commands/shell.ts";
import { addSnapshot } from "./commands/snapshot.ts";
import { addSummary } from "./commands/summary.ts";
import { addTemplate } from "./commands/template.ts";
import { addToken } from "./commands/token.ts";
import { addUp } from "./commands/up.ts";
import { EXIT, reportFailure } from "./failure.ts";
import { addFlow } from "./flow/index.ts";
import { coloursFor } from "./render/colours.ts";

/** The whole command, every subcommand declared and none of their work loaded. */
export function buildProgram(): Command {
  const program = new Command("glovebox");
  program
    .description("Runs code that nobody has reviewed in isolated sandboxes.")
    .version(packageJson.version, "-V, --version")
    .option("--url <url>", "the server (GLOVEBOX_URL); default: the one that runs on the data folder")
    .option("--token <token>", "its token (GLOVEBOX_TOKEN)")
    .option("--data <dir>", "the data folder (GLOVEBOX_DATA)")
    .option("--json", "print JSON")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error:/, coloursFor(process.stderr).red("glovebox:"))),
    })
    .showHelpAfterError("(add --help for what there is)")
    .exitOverride();
  const add = [
    ...[
      addUp,
      addDoctor,
      addRun,
      addRepl,
      addShell,
      addExec,
      addExtract,
      addSession,
      addSnapshot,
      addFork,
      addTemplate,
      addPool,
      addContext,
      addRuns,
      addAgents,
      addFlow,
    ],
    ...[addChat, addConversations, addApprovals, addAssistants, addMcp],
    addCi,
    ...[addImage, addSecret, addEgress, addAudit],
    ...[addToken, addConfig, addSummary, addRetention, addBackup, addBench, addCompletion],
  ];
  for (const declare of add) declare(program);
  return program;
}

/** Does what the words say; gives the exit code. */
export async function runProgram(words: readonly string[]): Promise<number> {
  const program = buildProgram();
  endOnBrokenPipe();
  // What completion scripts ask with are half-typed words: nothing to be parsed.
  if (words[0] === "completion" && words[1] === "--words") {
    for (const word of completions(program, words.slice(2))) process.stdout.write(`${word}\n`);
    return EXIT.ok;
  }
  try {
    await program.parseAsync(words.length === 0 ? ["help"] : words, { from: "user" });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(error, { json: program.opts().json === true });
  }
}

/** `glovebox … | head` ends quietly, as a command that SIGPIPE kills. */
function endOnBrokenPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(141);
    throw error;
  });
}
