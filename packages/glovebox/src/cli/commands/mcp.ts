import type { Command } from "commander";
import packageJson from "../../../package.json" with { type: "json" };
import { openClient } from "../connect.ts";
import { flagsOf } from "./options.ts";

export function addMcp(program: Command): void {
  program
    .command("mcp")
    .description("Serve MCP over stdin and stdout, for a client that starts this command; the server must be running")
    .action(async (_options, command: Command) => {
      const box = await openClient(flagsOf<object>(command));
      // Before the first message: a client shows what is on stderr, and is not left with tools that all fail.
      await box.whoami();
      const [{ serveMcpStdio }, { createLogger }, { createRedactor }] = await Promise.all([
        import("../../surfaces/mcp/stdio.ts"),
        import("../../telemetry/index.ts"),
        import("../../governance/index.ts"),
      ]);
      const logger = createLogger({ level: "warn", redactor: createRedactor("default") });
      const stop = new AbortController();
      // A client that died does not end us at once: its sandbox is still to be closed.
      process.stdout.removeAllListeners("error");
      const onSignal = () => stop.abort();
      process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
      await serveMcpStdio({
        ...{ box, logger, version: packageJson.version, signal: stop.signal },
        ...{ input: process.stdin, output: process.stdout },
      });
    });
}
