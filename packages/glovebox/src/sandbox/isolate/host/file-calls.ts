import { posix } from "node:path";
import { GloveboxError } from "../../../core/index.ts";
import type { FileStat, SandboxFiles } from "../../files.ts";
import { type CallContext, type CallResult, NOTHING } from "./call-context.ts";
import { type Input, invalid, optionalNumber, workspacePath } from "./input.ts";
import { readAll } from "./source-files.ts";

/** Bytes of one `readFileSync`. */
const MAX_READ = 32 * 1_048_576;
const MAX_ENTRIES = 100_000;
/** Characters of all their names, of which each can be 64 KiB long. */
const MAX_NAMES = 16 * 1_048_576;

type FileCall = (
  files: SandboxFiles,
  path: string,
  input: Input,
  bytes: Uint8Array | undefined,
  signal: AbortSignal,
) => Promise<CallResult>;

const within = "workspace" as const;

const WRITES: Readonly<Record<string, FileCall>> = {
  write: async (files, path, input, bytes, signal) => {
    if (!bytes) throw invalid("there is nothing to write");
    const mode = optionalNumber(input.mode);
    const append = input.append === true;
    await files.write(path, bytes, { within, append, signal, ...(mode === undefined ? {} : { mode: mode & 0o777 }) });
    return NOTHING;
  },
  mkdir: async (files, path, input, _bytes, signal) => {
    await checkParent(files, path, signal);
    await files.mkdir(path, { parents: input.parents === true, signal });
    return NOTHING;
  },
  remove: async (files, path, input, _bytes, signal) => {
    await checkParent(files, path, signal);
    await files.remove(path, { recursive: input.recursive === true, signal });
    return NOTHING;
  },
  rename: async (files, path, input, _bytes, signal) => {
    const to = workspacePath(input.to);
    await checkParent(files, path, signal);
    await checkParent(files, to, signal);
    await files.rename(path, to, signal);
    return NOTHING;
  },
};

const READS: Readonly<Record<string, FileCall>> = {
  read: async (files, path, _input, _bytes, signal) => ({ bytes: await readAll(files, path, MAX_READ, signal) }),
  stat: async (files, path, _input, _bytes, signal) => json(plain(await files.stat(path, { within, signal }))),
  list: async (files, path, input, _bytes, signal) => {
    await checkFolder(files, path, signal);
    const entries: Pick<FileStat, "path" | "kind">[] = [];
    let characters = 0;
    for await (const entry of files.list(path, { recursive: input.recursive === true, limit: MAX_ENTRIES, signal })) {
      characters += entry.path.length;
      if (characters > MAX_NAMES)
        throw new GloveboxError("payload_too_large", "the folder's names are too long to list");
      entries.push({ path: entry.path, kind: entry.kind });
    }
    return json(entries);
  },
};

/** Carries out a call of the module `fs`; `undefined` when it is none. */
export async function fileCall(
  context: CallContext,
  name: string,
  input: Input,
  bytes: Uint8Array | undefined,
  readOnly: boolean,
): Promise<CallResult | undefined> {
  const write = Object.hasOwn(WRITES, name) ? WRITES[name] : undefined;
  const run = write ?? (Object.hasOwn(READS, name) ? READS[name] : undefined);
  if (!run) return undefined;
  if (write && readOnly) throw new GloveboxError("permission_denied", "the session may only read files");
  const path = workspacePath(input.path);
  return run((await context.helper()).files, path, input, bytes, context.signal);
}

/** Of what cannot be asked to stay in the workspace itself, the folder is looked at: a symlink may lead out of it. */
async function checkParent(files: SandboxFiles, path: string, signal: AbortSignal): Promise<void> {
  if (path === "/workspace") throw new GloveboxError("invalid_path", "the workspace itself stays");
  for (let folder = posix.dirname(path); ; folder = posix.dirname(folder)) {
    try {
      await checkFolder(files, folder, signal);
      return;
    } catch (error) {
      const missing = error instanceof GloveboxError && error.code === "not_found" && folder !== "/workspace";
      if (!missing) throw error;
    }
  }
}

/** With the dot a symlink at the end of the path is followed, and refused when it leads out. */
async function checkFolder(files: SandboxFiles, folder: string, signal: AbortSignal): Promise<void> {
  await files.stat(`${folder}/.`, { within, signal });
}

function plain({ kind, size, mode, mtimeMs }: FileStat) {
  return { kind, size, mode, mtimeMs };
}

function json(value: unknown): CallResult {
  return { json: JSON.stringify(value) };
}
