import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { EXIT, ExitError } from "../failure.ts";
import { formatFor, printJson, printRecord } from "../render/print.ts";
import { flagsOf } from "./options.ts";

export function addEgress(program: Command): void {
  const egress = program.command("egress").description("What sandboxes may reach");
  egress
    .command("test <template> <url>")
    .description(
      "Tell whether sandboxes of a template may make a request, and why; exit code 4 when not. Nothing is sent",
    )
    .option("--method <method>", "the request's method (default GET)", (text) => text.toUpperCase())
    .action(async (template: string, url: string, _options, command: Command) => {
      const flags = flagsOf<{ method?: string }>(command);
      const decision = await (await openClient(flags)).egress.test({ template, url, method: flags.method });
      const format = formatFor(flags);
      if (format === "json") printJson(decision);
      else {
        printRecord(
          [
            ["decision", decision.allowed ? "allowed" : "refused"],
            ["why", `${decision.reason} (${decision.code})`],
            ["host", `${decision.host}:${decision.port}`],
            ...(decision.secrets?.length ? [["secrets", decision.secrets.join(", ")] as const] : []),
          ],
          format,
        );
      }
      if (!decision.allowed) throw new ExitError(EXIT.denied);
    });
}
