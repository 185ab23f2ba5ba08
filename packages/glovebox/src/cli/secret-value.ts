import { createReadStream } from "node:fs";
import { ExitError, UsageError } from "./failure.ts";

/** The server takes 65,536; a line break more may end a file. */
const MAX_BYTES = 65_538;

/**
 * A secret's value: from a file, from stdin (`-`, or when it is no terminal), or typed without being shown. One line break at the end is left out, because
 * editors and `echo` add it.
 */
export async function readSecretValue(name: string, from: string | undefined): Promise<string> {
  if (from === undefined && process.stdin.isTTY === true) return await ask(name);
  const isStdin = from === undefined || from === "-";
  const bytes = await readAll(isStdin ? process.stdin : createReadStream(from), isStdin ? "stdin" : from);
  const text = bytes.toString("utf8");
  const isUtf8 = Buffer.from(text, "utf8").equals(bytes);
  bytes.fill(0);
  if (!isUtf8) throw new UsageError("a secret must be UTF-8 text", "encode bytes, for example with base64");
  return text.replace(/\r?\n$/, "");
}

async function readAll(source: AsyncIterable<Uint8Array>, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new UsageError(`${name} has more than the 65,536 bytes that a secret may have`);
    chunks.push(chunk);
  }
  if (size === 0) throw new UsageError(`${name} is empty: there is no value to set`);
  return Buffer.concat(chunks);
}

async function ask(name: string): Promise<string> {
  const { isCancel, password } = await import("@clack/prompts");
  const answer = await password({ message: `Value of ${name} (it is not shown)`, mask: "•", output: process.stderr });
  if (isCancel(answer)) throw new ExitError(130);
  return answer;
}
