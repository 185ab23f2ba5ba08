import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { buffer as readAll } from "node:stream/consumers";
import type { ContextAdded, ContextPast, ContextSearch, Glovebox } from "@glovebox/sdk";
import { type Command, Option } from "commander";
import { UsageError } from "../../failure.ts";
import { formatFor, printJson, printRecord } from "../../render/print.ts";
import { integer } from "../options.ts";

export const KINDS = ["code", "text", "test_result", "diff_summary", "coverage", "lesson", "transcript"] as const;

/** Options that name a past state. */
export function withPast(command: Command): Command {
  return command
    .addOption(new Option("--revision <n>", "as it was at this revision of the store").argParser(integer(0)))
    .option("--time <time>", "as it was at this time (RFC 3339)")
    .option("--snapshot <id>", "as a snapshot has it")
    .option("--run <id>", "as it was pinned for a run");
}

export function pastOf({ revision, time, snapshot, run }: ContextPast): ContextPast {
  return {
    ...(revision !== undefined && { revision }),
    ...(time !== undefined && { time }),
    ...(snapshot !== undefined && { snapshot }),
    ...(run !== undefined && { run }),
  };
}

/** The one past state that was named, or none. */
export function onePast(flags: ContextPast): ContextSearch["at"] {
  const past = pastOf(flags);
  if (Object.keys(past).length > 1)
    throw new UsageError("a past state is named once: --revision, --time, --snapshot or --run");
  return Object.keys(past).length === 0 ? undefined : (past as ContextSearch["at"]);
}

/** A document's id, from itself or from its path in a scope. */
export async function documentId(client: Glovebox, idOrPath: string, scope: string | undefined): Promise<string> {
  if (/^[0-9a-f]{32}$/.test(idOrPath)) return idOrPath;
  const filter = JSON.stringify({ eq: { field: "path", value: idOrPath } });
  const { items } = await client.context.list({ filter, ...(scope !== undefined && { scopes: [scope] }), limit: 2 });
  const [found, another] = items;
  if (found === undefined)
    throw new UsageError(
      `there is no document with the path ${idOrPath}`,
      "`glovebox context list` shows what there is",
    );
  if (another !== undefined)
    throw new UsageError(
      `several documents have the path ${idOrPath}`,
      "name one by its id, or its scope with --scope",
    );
  return found.id;
}

/** A file's text, or stdin's. `UsageError` for a folder, and for what is no UTF-8. */
export async function contentOf(file: string): Promise<string> {
  const bytes = file === "-" ? await readAll(process.stdin) : await bytesOf(file);
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw new UsageError(`${file === "-" ? "stdin" : file} is no text in UTF-8`);
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    if (errorCode(error) !== "EISDIR") throw error;
    throw new UsageError(`${file} is a folder`, "`glovebox context index` takes one");
  }
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

export function showAdded(added: ContextAdded, flags: { readonly json?: boolean | undefined }): void {
  const format = formatFor(flags);
  if (format === "json") {
    printJson(added);
    return;
  }
  const { inserted, updated, unchanged, revision, documents } = added;
  const only = documents.length === 1 ? documents[0] : undefined;
  printRecord(
    [
      ["id", only?.id],
      ["version", only?.version],
      ["inserted", inserted],
      ["updated", updated],
      ["unchanged", unchanged],
      ["revision", revision],
    ],
    format,
  );
}
