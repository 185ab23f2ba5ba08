import { execFile } from "node:child_process";
import { watch } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { ContextDocumentInput, Glovebox } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../../connect.ts";
import { UsageError } from "../../failure.ts";
import { formatFor, printJson, printRecord } from "../../render/print.ts";
import { type ShareProgress, shareProgress } from "../../render/progress.ts";
import { flagsOf } from "../options.ts";

/** Larger files are left out: generated ones, mostly. */
const MAX_FILE_BYTES = 1024 * 1024;
/** A file with a NUL in so many first bytes is not text. */
const SNIFFED_BYTES = 8_192;
const BATCH_FILES = 200;
/** Of text; as JSON it may take six times as much, and a body has 16 MiB. */
const BATCH_BYTES = 1024 * 1024;
const MAX_LIST_BYTES = 256 * 1024 * 1024;
/** How long a repository must be quiet before it is looked at again. */
const QUIET_MS = 300;

const PROSE = /\.(md|mdx|txt|rst|adoc)$|(^|\/)(README|LICENSE|CHANGELOG|CONTRIBUTING)[^/]*$/i;

export interface Indexed {
  readonly files: number;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly removed: number;
  /** Binary, too large, or not valid text. */
  readonly skipped: number;
}

export function addIndex(context: Command): void {
  context
    .command("index [folder]")
    .description("Bring a repository's files in, without what git ignores; again, only what changed")
    .option("--scope <scope>", "global (default), session:ID, task:ID or run:ID")
    .option(
      "--name <name>",
      "of the repository; default: its folder's. What was indexed under it and is gone is removed",
    )
    .option("--watch", "go on whenever something changes, until interrupted")
    .action(async (folder: string | undefined, _options, command: Command) => {
      const flags = flagsOf<{ scope?: string; name?: string; watch?: boolean }>(command);
      const root = resolve(folder ?? ".");
      const client = await openClient(flags);
      const options = { root, scope: flags.scope, origin: `repository:${flags.name ?? basename(root)}` };
      const once = async (): Promise<void> => {
        using progress = shareProgress("indexing");
        const indexed = await indexRepository(client, options, progress);
        const format = formatFor(flags);
        if (format === "json") printJson(indexed);
        else printRecord(Object.entries(indexed), format);
      };
      await once();
      if (flags.watch === true) await keepFresh(root, once);
    });
}

async function indexRepository(
  client: Glovebox,
  { root, scope, origin }: { readonly root: string; readonly scope: string | undefined; readonly origin: string },
  progress: ShareProgress,
): Promise<Indexed> {
  const files = await filesOf(root);
  const counts = { inserted: 0, updated: 0, unchanged: 0, skipped: 0 };
  let batch: ContextDocumentInput[] = [];
  let bytes = 0;
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    const { inserted, updated, unchanged } = await client.context.add(batch);
    counts.inserted += inserted;
    counts.updated += updated;
    counts.unchanged += unchanged;
    batch = [];
    bytes = 0;
  };
  const kept = new Set<string>();
  for (const [at, path] of files.entries()) {
    progress.set(at / files.length, path);
    const content = await textOf(join(root, path));
    if (content === undefined) counts.skipped += 1;
    else {
      kept.add(path);
      batch.push({ scope, kind: PROSE.test(path) ? "text" : "code", path, content, origin });
      bytes += content.length;
      if (batch.length === BATCH_FILES || bytes > BATCH_BYTES) await send();
    }
  }
  await send();
  return { files: files.length, ...counts, removed: await removeGone(client, scope, origin, kept) };
}

/** What git knows or would take: tracked files, and others that nothing ignores. */
async function filesOf(root: string): Promise<string[]> {
  const argv = ["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const { stdout } = await promisify(execFile)("git", argv, { maxBuffer: MAX_LIST_BYTES }).catch((error: unknown) => {
    throw new UsageError(
      `${root} is no git repository`,
      error instanceof Error ? error.message.split("\n")[0] : undefined,
    );
  });
  return stdout.split("\0").filter((path) => path !== "");
}

async function textOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size > MAX_FILE_BYTES) return undefined;
  const bytes = await readFile(file);
  if (bytes.subarray(0, SNIFFED_BYTES).includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function removeGone(
  client: Glovebox,
  scope: string | undefined,
  origin: string,
  kept: ReadonlySet<string>,
): Promise<number> {
  const filter = JSON.stringify({ eq: { field: "origin", value: origin } });
  const gone: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.context.list({ scopes: [scope ?? "global"], filter, limit: 1000, cursor });
    gone.push(...page.items.filter(({ path }) => path === undefined || !kept.has(path)).map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  for (const id of gone) await client.context.remove(id);
  return gone.length;
}

async function keepFresh(root: string, again: () => Promise<void>): Promise<never> {
  let wake = Promise.withResolvers<void>();
  const watcher = watch(root, { recursive: true }, (_event, name) => {
    if (name === null || !name.split("/").includes(".git")) wake.resolve();
  });
  try {
    for (;;) {
      await wake.promise;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      wake = Promise.withResolvers();
      await again();
    }
  } finally {
    watcher.close();
  }
}
