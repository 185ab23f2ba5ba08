import { z } from "zod";
import { FilePath } from "../../operations/fields.ts";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool, SESSION_OPERATIONS, SessionArgument } from "../tool.ts";

const path = FilePath.describe("Absolute, or relative to /workspace");

export const readFile = defineTool({
  name: "read_file",
  title: "Read a file",
  description: `Reads a file of a session: text, or base64 where it is not UTF-8; ${MCP_LIMITS.textCharacters} bytes at most, and \`nextOffset\` where there is more.`,
  operations: [...SESSION_OPERATIONS, "files.stat", "files.read"],
  readOnly: true,
  input: z.strictObject({
    path,
    offset: z.int().min(0).optional().describe("The first byte to read; default 0"),
    ...SessionArgument,
  }),
  output: z.object({
    session: z.string(),
    path: z.string(),
    size: z.number().describe("Bytes of the whole file"),
    encoding: z.enum(["utf-8", "base64"]),
    content: z.string(),
    nextOffset: z.number().optional().describe("There is more: read on from here"),
  }),
  run: async ({ path, offset = 0, session: id }, call) => {
    const session = await call.session(id);
    const { signal } = call;
    const { size } = await session.files.stat(path, { signal });
    const bytes = await session.files.read(path, { offset, limit: MCP_LIMITS.textCharacters, signal });
    const isLast = offset + bytes.length >= size || bytes.length === 0;
    const { encoding, content, taken } = decode(bytes, isLast);
    const structured = {
      ...{ session: session.id, path, size, encoding, content },
      ...(!isLast && { nextOffset: offset + taken }),
    };
    const more = isLast ? "" : `; more from offset ${offset + taken}`;
    return { structured, text: [`bytes ${offset} to ${offset + taken} of ${size}, ${encoding}${more}`, content] };
  },
});

/** As text where it is some. A character that the end of the part splits belongs to the next part. */
function decode(
  bytes: Uint8Array,
  isLast: boolean,
): { readonly encoding: "utf-8" | "base64"; readonly content: string; readonly taken: number } {
  try {
    const content = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: !isLast });
    const taken = Buffer.byteLength(content);
    if (!content.includes("\0")) return { encoding: "utf-8", content, taken };
  } catch {
    // Not text.
  }
  return { encoding: "base64", content: Buffer.from(bytes).toString("base64"), taken: bytes.length };
}

export const writeFile = defineTool({
  name: "write_file",
  title: "Write a file",
  description: "Writes text to a file of a session, replacing what was there, and makes the folders above it.",
  operations: [...SESSION_OPERATIONS, "files.write"],
  destructive: true,
  input: z.strictObject({ path, content: z.string().max(MCP_LIMITS.writeCharacters), ...SessionArgument }),
  output: z.object({ session: z.string(), path: z.string(), size: z.number().describe("Bytes") }),
  run: async ({ path, content, session: id }, call) => {
    const session = await call.session(id);
    const { size } = await session.files.write(path, content, { parents: true, signal: call.signal });
    return { structured: { session: session.id, path, size }, text: [`wrote ${size} bytes in session ${session.id}`] };
  },
});

export const listFiles = defineTool({
  name: "list_files",
  title: "List files",
  description: `Lists a folder of a session, default /workspace; ${MCP_LIMITS.listEntries} entries at most.`,
  operations: [...SESSION_OPERATIONS, "files.list"],
  readOnly: true,
  input: z.strictObject({
    path: path.optional(),
    recursive: z.boolean().optional().describe("With what is in the folders; default false"),
    ...SessionArgument,
  }),
  output: z.object({
    session: z.string(),
    items: z.array(z.object({ path: z.string(), kind: z.string(), size: z.number() })),
    truncated: z.boolean(),
  }),
  run: async ({ path, recursive, session: id }, call) => {
    const session = await call.session(id);
    const options = { recursive, limit: MCP_LIMITS.listEntries, signal: call.signal };
    const found = await session.files.list(path, options);
    const items: { path: string; kind: string; size: number }[] = [];
    let characters = 0;
    for (const { path, kind, size } of found.items) {
      characters += path.length;
      // Code in the sandbox chooses the names, and may choose long ones.
      if (characters > MCP_LIMITS.textCharacters) break;
      items.push({ path: path.toWellFormed(), kind, size });
    }
    const truncated = found.truncated || items.length < found.items.length;
    const lines = items.map(({ path, kind, size }) => `${kind} ${size} ${JSON.stringify(path)}`);
    const head = `${items.length} entries${truncated ? ", and more" : ""}; session ${session.id}`;
    return {
      structured: { session: session.id, items, truncated },
      text: lines.length === 0 ? [head] : [head, lines.join("\n")],
    };
  },
});
