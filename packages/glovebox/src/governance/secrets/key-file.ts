import { randomBytes, randomUUID } from "node:crypto";
import { link, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { GloveboxError, type Logger } from "../../core/index.ts";
import type { KeyRing, KeySource } from "./key-ring.ts";
import { broken, ringOf } from "./key-text.ts";

const MAX_BYTES = 4096;
const HEAD = `# Glovebox's master keys for secrets, the current one first. Keep a copy apart from backups: without it they cannot be read.\n`;

/**
 * Keys in a file of lines, for its owner only. It is replaced whole (a new file, synced, renamed), so that there is always either the old ring or the new one.
 */
export function fileKeys(file: string, logger: Logger): KeySource {
  return {
    name: file,
    read: async () => {
      const lines = await readLines(file, logger);
      return lines === undefined ? undefined : ringOf(lines, file);
    },
    create: async () => {
      const key = newKeyLine();
      // Linked, not renamed: a file that appeared in the meantime stays.
      await replace(file, [key], link);
      logger.info({ file }, "made the master key for secrets; keep a copy of it apart from backups");
      return ringOf([key], file);
    },
    begin: async (ring) => {
      // One that was begun and not ended goes on to its end first.
      if (ring.keys.length > 1) return ring;
      const lines = [newKeyLine(), ...(await currentLines(file, ring, logger))];
      await replace(file, lines);
      return ringOf(lines, file);
    },
    finish: async (ring) => {
      const lines = (await currentLines(file, ring, logger)).slice(0, 1);
      await replace(file, lines);
      return ringOf(lines, file);
    },
  };
}

function newKeyLine(): string {
  const bytes = randomBytes(32);
  try {
    return bytes.toString("base64");
  } finally {
    bytes.fill(0);
  }
}

/** The file's lines, which must still be the ring that the server works with: somebody may have put another file there. */
async function currentLines(file: string, ring: KeyRing, logger: Logger): Promise<string[]> {
  const lines = (await readLines(file, logger)) ?? [];
  const found = ringOf(lines, file);
  if (found.keys.length === ring.keys.length && found.keys.every(({ id }, at) => id === ring.keys[at]?.id))
    return lines;
  throw new GloveboxError("conflict", `${file} is not the file any more that this server has read`);
}

async function readLines(file: string, logger: Logger): Promise<string[] | undefined> {
  try {
    const { size, mode } = await stat(file);
    if (size > MAX_BYTES) throw broken(file, "the file is too large");
    if ((mode & 0o077) !== 0)
      logger.warn({ file, mode: (mode & 0o777).toString(8) }, "others may read the master key: chmod 600");
    const bytes = await readFile(file);
    const text = bytes.toString("latin1");
    bytes.fill(0);
    return text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
  } catch (error) {
    if (error instanceof GloveboxError) throw error;
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw broken(file, "it cannot be read", error);
  }
}

async function replace(file: string, lines: readonly string[], put: typeof rename = rename): Promise<void> {
  const next = `${file}.next-${randomUUID()}`;
  try {
    await write(next, lines);
    await put(next, file);
    await using folder = await open(dirname(file), "r");
    await folder.sync();
  } catch (cause) {
    throw new GloveboxError("unavailable", `the master key cannot be written to ${file}`, { cause });
  } finally {
    await rm(next, { force: true });
  }
}

async function write(file: string, lines: readonly string[]): Promise<void> {
  await using handle = await open(file, "wx", 0o600);
  await handle.writeFile(`${HEAD}${lines.join("\n")}\n`);
  await handle.sync();
}
