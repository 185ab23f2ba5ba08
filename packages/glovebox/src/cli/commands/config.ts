import type { Command } from "commander";
import { findServer, openClient } from "../connect.ts";
import { formatFor, printJson, printTable } from "../render/print.ts";
import { flagsOf } from "./options.ts";

interface Shown {
  readonly key: string;
  readonly value?: unknown;
  readonly source: string;
}

export function addConfig(program: Command): void {
  const config = program.command("config").description("The server's configuration");
  config
    .command("show")
    .description(
      "Effective values and where each comes from: of the running server, else of the one that `up` would start",
    )
    .option("--local", "of the one that `up` would start, although a server runs")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<{ local?: boolean }>(command);
      const remote = flags.local !== true && findServer(flags) !== undefined;
      const report = remote ? await (await openClient(flags)).config() : await localReport(flags.data);
      const format = formatFor(flags);
      if (format === "json") return printJson(report);
      if (format === "human" && report.file !== undefined) process.stdout.write(`file: ${report.file}\n\n`);
      const columns = [
        { title: "KEY", value: ({ key }: Shown) => key },
        {
          title: "VALUE",
          value: ({ value }: Shown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? "")),
        },
        { title: "FROM", value: ({ source }: Shown) => source },
      ];
      await printTable<Shown>(report.values, columns, { format, empty: "nothing is configured" });
    });
  config
    .command("schema")
    .description("The JSON Schema of glovebox.yaml")
    .action(async () => {
      const { configJsonSchema } = await import("../../config/index.ts");
      printJson(configJsonSchema());
    });
}

async function localReport(
  data: string | undefined,
): Promise<{ readonly file?: string; readonly values: readonly Shown[] }> {
  const { loadConfig } = await import("../../config/index.ts");
  const { values, file } = loadConfig({ flags: { dataDir: data } });
  return file === undefined ? { values } : { file, values };
}
