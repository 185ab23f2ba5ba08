import type { Command } from "commander";
import { flagsOf } from "../commands/options.ts";
import { EXIT } from "../failure.ts";
import { formatFor, printJson, printTable } from "../render/print.ts";
import { checkoutRoot, readWorkflowFiles } from "./checkout.ts";
import { hasErrors, printProblems } from "./problems.ts";

export function addCiList(ci: Command): void {
  ci.command("list [files...]")
    .description(
      "List the workflows of this checkout: what starts them, their jobs, what is wrong with them; nothing is run",
    )
    .action(async (files: string[], _options, command: Command) => {
      const { parseWorkflow } = await import("../../ci/index.ts");
      const parsed = readWorkflowFiles(checkoutRoot("."), files).map((file) => ({
        file: file.path,
        ...parseWorkflow(file),
      }));
      const rows = parsed.map(({ file, workflow, problems }) => ({
        file,
        name: workflow?.name ?? file,
        events: Object.keys(workflow?.on.events ?? {}),
        jobs: workflow?.jobs.map(({ id }) => id) ?? [],
        problems,
      }));
      if (rows.some(({ problems }) => hasErrors(problems))) process.exitCode = EXIT.failed;
      const format = formatFor(flagsOf(command));
      if (format === "json") return printJson({ workflows: rows });
      await printTable(
        rows,
        [
          { title: "FILE", value: ({ file }) => file },
          { title: "NAME", value: ({ name }) => name },
          { title: "ON", value: ({ events }) => events.join(", ") || "-" },
          { title: "JOBS", value: ({ jobs }) => jobs.join(", ") || "-" },
          { title: "PROBLEMS", value: ({ problems }) => String(problems.length) },
        ],
        { format, empty: "no workflows" },
      );
      printProblems(rows.flatMap(({ problems }) => problems));
    });
}
