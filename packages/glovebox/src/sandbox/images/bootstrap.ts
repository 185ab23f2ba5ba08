import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { applyLayer } from "./apply-layer.ts";
import type { ContentHeap } from "./content-heap.ts";
import type { DebianSources } from "./debian-sources.ts";
import type { FileTree } from "./file-tree.ts";
import type { ImageProgress } from "./image.ts";
import { runTool } from "./run-tool.ts";

const TIMEOUT_MS = 30 * 60_000;

/** What mmdebstrap and apt say, and how far they are then, in shares of the whole. Later lines are searched first. */
const STAGES: readonly (readonly [pattern: RegExp, stage: string, fraction: number])[] = [
  [/^I: running apt-get update/, "reading package lists", 0.02],
  [/^I: downloading packages/, "downloading packages", 0.1],
  [/^I: extracting archives/, "unpacking packages", 0.25],
  [/^I: installing essential/, "installing essential packages", 0.35],
  [/^I: installing remaining/, "installing packages", 0.6],
  [/^I: cleaning/, "cleaning up", 0.95],
  [/^I: creating tarball/, "reading files", 0.97],
];

export interface BootstrapOptions {
  readonly packages: readonly string[];
  readonly sources: DebianSources;
  readonly workDir: string;
  /** Where the root comes into being; on a file system with devices and set-uid programs. */
  readonly rootDir: string;
  readonly tree: FileTree;
  readonly heap: ContentHeap;
  readonly onProgress?: (progress: ImageProgress) => void;
  readonly signal?: AbortSignal;
}

/** Installs Debian with the packages, and puts its files into the tree. Errors: those of `runTool`. */
export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const { workDir, rootDir, tree, heap, signal, onProgress } = options;
  const files = await writeSources(options.sources, workDir);
  let current = { stage: "starting", fraction: 0 };
  await runTool({
    tool: "mmdebstrap",
    argv: [...guard(), ...command(options.packages), "", "-", ...files],
    env: { TMPDIR: rootDir },
    cwd: rootDir,
    timeoutMs: TIMEOUT_MS,
    consume: (stdout: Readable) => applyLayer({ tar: stdout, tree, heap, ...(signal && { signal }) }),
    onLine: (line) => {
      const [, stage, fraction] = STAGES.find(([pattern]) => pattern.test(line)) ?? [];
      if (stage !== undefined && fraction !== undefined) current = { stage, fraction };
      onProgress?.({ ...current, line });
    },
    ...(signal && { signal }),
  });
}

/** As root: in a process namespace of its own, so that nothing of it outlives it, nor it the server. An ordinary user gets that from mmdebstrap. */
function guard(): [string, ...string[]] {
  const dying: [string, ...string[]] = ["setpriv", "--pdeathsig", "KILL"];
  if (process.getuid?.() !== 0) return dying;
  return [...dying, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
}

function command(packages: readonly string[]): string[] {
  const include = packages.length > 0 ? [`--include=${packages.join(",")}`] : [];
  // What a crash would lose is thrown away then anyhow.
  const careless = "--dpkgopt=force-unsafe-io";
  return ["mmdebstrap", "--verbose", "--variant=minbase", "--format=tar", careless, ...include];
}

async function writeSources(sources: DebianSources, workDir: string): Promise<string[]> {
  return Promise.all(
    sources.map(async (text, index) => {
      const file = join(workDir, `sources-${index}`);
      await writeFile(file, text, { mode: 0o644 });
      return file;
    }),
  );
}
