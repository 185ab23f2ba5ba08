import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { GloveboxError } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../connect.ts";
import { printJson } from "../render/print.ts";
import { byteProgress, withSpinner } from "../render/progress.ts";
import { bytesText } from "../render/units.ts";
import { dataDirOf } from "../server-file.ts";
import { flagsOf } from "./options.ts";

export function addBackup(program: Command): void {
  program
    .command("backup <file>")
    .description("Write a consistent copy of everything that the server keeps, while it runs")
    .action(async (file: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const { content, sha256 } = await (await openClient(flags)).backup();
      const saved = await saveVerified(content, sha256, file);
      if (flags.json === true) printJson({ file, ...saved });
      else process.stdout.write(`${file}\t${bytesText(saved.bytes)}\tsha256 ${saved.sha256}\n`);
    });
  addRestore(program);
}

function addRestore(program: Command): void {
  program
    .command("restore <file>")
    .description("Put a backup into a data folder that is new or empty (--data), after checking all of it")
    .action(async (file: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const dataDir = dataDirOf(flags.data);
      await access(file);
      const { restoreBackup } = await import("../../store/index.ts");
      const restored = await withSpinner("checking and restoring", () => restoreBackup(file, dataDir));
      if (flags.json === true) printJson({ dataDir, ...restored });
      else process.stdout.write(`${dataDir}\t${restored.files} files\n`);
    });
}

/** Writes beside the target first: a backup that broke off never stands where a whole one is expected. */
async function saveVerified(
  content: AsyncIterable<Uint8Array>,
  expected: string | undefined,
  file: string,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const partial = `${file}.partial`;
  const hash = createHash("sha256");
  let bytes = 0;
  using progress = byteProgress("receiving");
  async function* hashed() {
    for await (const chunk of content) {
      hash.update(chunk);
      bytes += chunk.length;
      progress.add(chunk.length);
      yield chunk;
    }
  }
  try {
    await pipeline(hashed, createWriteStream(partial, { mode: 0o600 }));
    const sha256 = hash.digest("hex");
    if (expected !== undefined && expected !== sha256) {
      throw new GloveboxError("internal", "the backup that arrived is not the one that was sent: checksums differ");
    }
    await rename(partial, file);
    return { bytes, sha256 };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
