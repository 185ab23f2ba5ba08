import { MCP_LIMITS } from "./limits.ts";

/** Characters of one line: a payload may have a mebibyte. */
const MAX_LINE = MCP_LIMITS.textCharacters;

/** One event or record as one line: its payload as JSON, so that no program can write a line of its own. */
export function logLine(seq: number, what: string, payload: unknown): string {
  const json = JSON.stringify(payload).replaceAll(/[\u2028\u2029]/g, (end) =>
    end === "\u2028" ? "\\u2028" : "\\u2029",
  );
  const line = `${seq} ${what.replaceAll(/[\n\r\u2028\u2029]/g, " ")} ${json}`;
  return line.length <= MAX_LINE ? line : `${line.slice(0, MAX_LINE).toWellFormed()} [cut]`;
}
