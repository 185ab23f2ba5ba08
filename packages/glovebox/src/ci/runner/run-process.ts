import { type Execution, GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { SandboxBench, SandboxRequest } from "../../runs/index.ts";
import { type CommandFiles, readCommandFiles } from "./command-files.ts";
import type { CommandReader } from "./command-reader.ts";
import { type Launch, launchScript } from "./launch-script.ts";

export interface ProcessEnd {
  readonly status: Execution["status"];
  readonly exitCode: number;
  readonly files: CommandFiles;
}

/** Text that is handed to the sandbox without being on this machine's disk. */
const MAX_STDIN_BYTES = 65_536;
/** Of what is longer; it is read once. In memory where the isolation has its `/tmp` there. */
const LONG_SCRIPT = 'exec 3<"$1" && rm -f "$1" && exec /bin/sh <&3 3<&-';
/** More than any step may write for the runner, with its script. */
const MAX_FOLDER_BYTES = 32 * 1_048_576;

const NOTHING: CommandFiles = { env: "", output: "", path: "", state: "", summary: "" };

/**
 * Runs one process of a step to its end, and reads what it wrote for the runner. Whatever it leaves running in the background goes on, as on GitHub, until the job ends.
 * `key`: unique in the engine's step. `timeoutMs` ends the whole tree.
 */
export async function runProcess(
  bench: SandboxBench,
  key: string,
  launch: () => Promise<Launch & { readonly timeoutMs?: number | undefined }>,
  options: { readonly folder: string; readonly reader: CommandReader },
): Promise<ProcessEnd> {
  const ask = async (wallMs?: number) => requestOf(bench, key, await launch(), wallMs);
  const execution = await bench
    .run(key, () => ask(), options.reader)
    .catch(async (error: unknown) => {
      const most = longestOf(error);
      if (most === undefined) throw error;
      return bench.run(key, () => ask(most), options.reader);
    });
  const { status, exitCode = 1 } = execution;
  return { status, exitCode, files: await filesOf(bench, options.folder) };
}

async function requestOf(
  bench: SandboxBench,
  key: string,
  launch: Launch & { readonly timeoutMs?: number | undefined },
  mostMs: number | undefined,
): Promise<SandboxRequest> {
  const script = launchScript(launch);
  const wallMs = mostMs ?? launch.timeoutMs;
  const more = {
    kind: "command",
    // A log that is too long is cut; the step goes on.
    onOutputLimit: "truncate",
    ...(wallMs !== undefined && { limits: { wallMs } }),
  } as const;
  if (Buffer.byteLength(script) <= MAX_STDIN_BYTES) return { ...more, argv: ["/bin/sh"], stdin: script };
  const path = `/tmp/.glovebox-${key.replaceAll(/[^0-9A-Za-z.-]/g, "-")}`;
  const files = await bench.files();
  await files.write(path, Buffer.from(script), { mode: 0o600, signal: bench.signal });
  return { ...more, argv: ["/bin/sh", "-c", LONG_SCRIPT, "sh", path], stdin: "" };
}

/** The most that the template allows, when more was asked for: a job's template stands above its workflow. */
function longestOf(error: unknown): number | undefined {
  if (!isGloveboxError(error, "invalid_argument") || error.details?.path !== "limits.wallMs") return undefined;
  return Number(error.details.max);
}

async function filesOf(bench: SandboxBench, folder: string): Promise<CommandFiles> {
  const files = await bench.files();
  try {
    return await readCommandFiles(atMost(files.pack(folder, bench.signal), MAX_FOLDER_BYTES));
  } catch (error) {
    // It did not come as far as making its folder.
    if (isGloveboxError(error, "not_found")) return NOTHING;
    throw error;
  }
}

export async function* atMost(source: AsyncIterable<Uint8Array>, bytes: number): AsyncIterable<Uint8Array> {
  let left = bytes;
  for await (const piece of source) {
    left -= piece.length;
    if (left < 0) throw new GloveboxError("payload_too_large", `A step may leave ${bytes} bytes in its folder at most`);
    yield piece;
  }
}
