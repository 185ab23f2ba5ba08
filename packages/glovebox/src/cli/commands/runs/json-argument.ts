import { readFile, stat } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { UsageError } from "../../failure.ts";

/** What a server takes as a request by default. */
const MAX_BYTES = 16 * 1_048_576;

/** JSON from the command line: itself, `@FILE`, or `-` for stdin. `option` is named where it is none. */
export async function jsonArgument(given: string, option: string): Promise<unknown> {
  const content = await contentOf(given, option);
  try {
    return JSON.parse(content) as unknown;
  } catch (error) {
    const where = given === "-" ? "stdin" : given.startsWith("@") ? given.slice(1) : option;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `${where} is not JSON: ${reason}`,
      `${option} '{"a": 1}', ${option} @file.json, or ${option} -`,
    );
  }
}

async function contentOf(given: string, option: string): Promise<string> {
  if (given === "-") return text(process.stdin);
  if (!given.startsWith("@")) return given;
  const file = given.slice(1);
  if ((await stat(file)).size > MAX_BYTES) throw new UsageError(`${option}: ${file} is larger than 16 MiB`);
  return readFile(file, "utf8");
}
