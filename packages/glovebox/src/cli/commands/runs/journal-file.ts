import { createReadStream, createWriteStream } from "node:fs";
import { access, rename, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { RunReplay } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../../connect.ts";
import { EXIT, ExitError } from "../../failure.ts";
import { type Format, formatFor, printJson, printRecord } from "../../render/print.ts";
import { byteProgress, counted, withSpinner } from "../../render/progress.ts";
import { bytesText } from "../../render/units.ts";
import { flagsOf } from "../options.ts";

/** What checks a journal, and what takes it elsewhere. */
export function addJournalFile(runs: Command): void {
  addReplay(runs);
  addVerify(runs);
  addExport(runs);
  addImport(runs);
}

function addReplay(runs: Command): void {
  runs
    .command("replay <run>")
    .description("Execute a run's program from its journal alone and compare; exit code 1 when something differs")
    .option("--live", "do its steps in sandboxes again, too, and compare their results")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ live?: boolean }>(command);
      const box = await openClient(flags);
      const report = await withSpinner("replaying", () => box.runs.replay(id, { live: flags.live }));
      const format = formatFor(flags);
      if (format === "json") printJson(report);
      else printReplay(report, format);
      if (!report.identical || (report.live?.differences.length ?? 0) > 0) throw new ExitError(EXIT.failed);
    });
}

function printReplay({ identical, records, firstDifference, live }: RunReplay, format: Format): void {
  const at = firstDifference;
  printRecord(
    [
      ["result", identical ? "the program decides what it decided" : "the program decides otherwise"],
      ["records", records],
      ["differs at", at && `record ${at.seq}${at.step === undefined ? "" : `, step ${at.step}`}`],
      ["expected", at && JSON.stringify(at.expected)],
      ["found", at && JSON.stringify(at.found)],
      ["done again", live && `${live.steps} steps, ${live.differences.length} with another result`],
      ...(live?.differences ?? []).map(
        ({ step, expected, found }) => [step, `${JSON.stringify(expected)} is now ${JSON.stringify(found)}`] as const,
      ),
    ],
    format,
  );
}

function addVerify(runs: Command): void {
  runs
    .command("verify <run>")
    .description("Check every hash of a run's journal; exit code 1 when a record is wrong")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const found = await (await openClient(flags)).runs.verify(id);
      const format = formatFor(flags);
      if (format === "json") printJson(found);
      else {
        const { ok, seq, reason, records, erased } = found;
        const result = ok ? "every record is as it was written" : `wrong at record ${seq}: ${reason}`;
        printRecord(
          [
            ["result", result],
            ["records", records],
            ["erased", erased === 0 ? undefined : erased],
          ],
          format,
        );
      }
      if (!found.ok) throw new ExitError(EXIT.failed);
    });
}

function addExport(runs: Command): void {
  runs
    .command("export <run>")
    .description("Write a run's whole journal, one JSON object a line")
    .option("-o, --output <file>", "to a file instead of stdout")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{ output?: string }>(command);
      const content = await (await openClient(flags)).runs.export(id);
      if (flags.output === undefined) return pipeline(content, process.stdout, { end: false });
      const bytes = await save(content, flags.output);
      if (flags.json === true) printJson({ file: flags.output, bytes });
      else process.stdout.write(`${flags.output}\t${bytesText(bytes)}\n`);
    });
}

/** Beside the target first: a journal that broke off never stands where a whole one is expected. */
async function save(content: AsyncIterable<Uint8Array>, file: string): Promise<number> {
  const partial = `${file}.partial`;
  using progress = byteProgress("receiving");
  try {
    await pipeline(counted(content, progress), createWriteStream(partial, { mode: 0o600 }));
    const { size } = await stat(partial);
    await rename(partial, file);
    return size;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

function addImport(runs: Command): void {
  runs
    .command("import <file>")
    .description("Take in what `runs export` wrote (`-` for stdin), as a run to look at, replay and fork")
    .action(async (file: string, _options, command: Command) => {
      const flags = flagsOf(command);
      if (file !== "-") await access(file);
      const source: AsyncIterable<Uint8Array> = file === "-" ? process.stdin : createReadStream(file);
      const box = await openClient(flags);
      using progress = byteProgress("sending", file === "-" ? undefined : (await stat(file)).size);
      const imported = await box.runs.import(counted(source, progress));
      if (flags.json === true) printJson(imported);
      else process.stdout.write(`${imported.run.id}\t${imported.records} records\n`);
      const { torn } = imported;
      if (torn !== undefined) {
        process.stderr.write(`the file ends after record ${torn.afterSeq}: ${torn.missing} are missing\n`);
      }
    });
}
