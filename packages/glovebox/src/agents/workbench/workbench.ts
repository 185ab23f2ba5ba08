import { posix } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import type { FileChange } from "../../forges/index.ts";
import {
  DETERMINISTIC_ENV,
  type RunSandbox,
  type Sandboxes,
  type SandboxSpec,
  type SandboxWorkOptions,
} from "../../runs/index.ts";
import type { Diff } from "../messages/diff.ts";
import { type ApplyOptions, type ApplyReport, applyDiff } from "./apply-diff.ts";
import { type ChangedFile, changesSince } from "./changes-since.ts";
import { KnownFiles } from "./known-files.ts";
import { listFiles } from "./list-files.ts";
import { makeDiff } from "./make-diff.ts";
import { openSource, type RepositoryPlaces } from "./open-source.ts";
import { readArchive } from "./read-archive.ts";
import { AGENT_FOLDER, REPOSITORY_ROOT, RepositoryBench } from "./repository-bench.ts";
import {
  checkRepositoryPath,
  type RepositoryFile,
  type RepositorySource,
  type RepositoryTree,
  type SkippedFile,
} from "./repository-tree.ts";

export interface WorkbenchParts extends RepositoryPlaces {
  readonly sandboxes: Sandboxes;
}

/** Which sandbox the repository lies in. */
export interface WorkbenchSpec
  extends Pick<SandboxSpec, "name" | "template" | "isolation" | "limits" | "env" | "snapshots"> {
  /** Fixes what programs inside see of chance and place. Default true. */
  readonly deterministic?: boolean;
}

/** A repository as it was opened. */
export interface RepositoryBase extends RepositoryTree {
  /** What is there for tools only. */
  readonly include: readonly string[];
  /** What was left out, and why; the first hundred. */
  readonly skipped: readonly SkippedFile[];
}

interface Made {
  readonly context: ProgramContext;
  readonly sandbox: RunSandbox;
  readonly base: RepositoryBase;
  readonly env: Readonly<Record<string, string>>;
  readonly known: KnownFiles;
}

/** All that has changed since a repository was opened. */
export interface WorkbenchChanges {
  /** Of files that are text. */
  readonly diff: Diff;
  /** For a commit. */
  readonly changes: readonly FileChange[];
}

/** Beside the repository: what it was. Whatever runs inside may spoil it; then its hashes, which are in the journal, say so. */
const BASE_FOLDER = `${AGENT_FOLDER}/base`;

/** A repository in a sandbox of a run: what agents read, change and try. Everything is a step, and only what comes of it is journaled. */
export class Workbench {
  readonly sandbox: RunSandbox;
  readonly root = REPOSITORY_ROOT;
  /** What the repository was when it was opened. */
  readonly base: RepositoryBase;
  readonly #context: ProgramContext;
  readonly #env: Readonly<Record<string, string>>;
  readonly #known: KnownFiles;

  private constructor({ context, sandbox, base, env, known }: Made) {
    this.#context = context;
    this.#known = known;
    this.sandbox = sandbox;
    this.base = base;
    this.#env = env;
  }

  /**
   * Opens a sandbox and puts the repository into it: two steps, `open …` and `repository`. It is closed when the run ends. Errors: `invalid_argument` for a
   * source that is no repository, `invalid_path`, `payload_too_large`, `unavailable` for a kind of source that the server does not have, those of sessions and forges.
   */
  static async open(
    context: ProgramContext,
    { sandboxes, ...places }: WorkbenchParts,
    source: RepositorySource,
    { deterministic = true, ...spec }: WorkbenchSpec = {},
  ): Promise<Workbench> {
    const sandbox = await sandboxes.open(context, { ...spec, deterministic });
    const known = new KnownFiles();
    const base = await sandbox.work(
      context,
      "repository",
      source,
      async (_source, sandboxBench): Promise<RepositoryBase> => {
        const { tenantId, signal } = sandboxBench;
        const opened = await openSource(source, places, { tenantId, signal });
        const { tar, taken } = readArchive(opened.tar, opened.include);
        {
          using bench = new RepositoryBench(sandboxBench, {}, known);
          await unpack(bench, tar, opened.include);
        }
        const { files, skipped } = taken();
        known.listing(opened.include)(files);
        return { files, skipped, ...opened.facts(), include: [...opened.include] };
      },
    );
    const env = { ...(deterministic && DETERMINISTIC_ENV), ...spec.env };
    return new Workbench({ context, sandbox, base, env, known });
  }

  /** The same repository in the context of a branch of the program. */
  within(context: ProgramContext): Workbench {
    return new Workbench({ context, sandbox: this.sandbox, base: this.base, env: this.#env, known: this.#known });
  }

  /** The files as they are now. A step of that name. */
  tree(name = "tree"): Promise<RepositoryTree> {
    const { head, dirty } = this.base;
    return this.work(name, {}, async (_input, bench) => ({
      files: await listFiles(bench, this.base.include),
      ...(head !== undefined && { head }),
      dirty,
    }));
  }

  /** Texts by path. Errors: `invalid_path`; `not_found`; `invalid_argument` for what is no text; `payload_too_large` for files over 1 MiB. */
  async read(name: string, paths: readonly string[]): Promise<Readonly<Record<string, string>>> {
    for (const path of paths) checkRepositoryPath(path);
    return this.work(name, { paths }, async (_input, bench) => {
      const texts: (readonly [string, string])[] = [];
      for (const path of paths) texts.push([path, await bench.readFile(path)]);
      return Object.fromEntries(texts);
    });
  }

  /** Does several things in the sandbox as one step of that name, of which only input and result are journaled. `work` is to get along with what it has done before a crash. */
  work<Input, Result>(
    name: string,
    input: Input,
    work: (input: Input, bench: RepositoryBench) => Promise<Result>,
    options: SandboxWorkOptions<Result> = {},
  ): Promise<Awaited<Result>> {
    const run = async (given: Input, sandbox: ConstructorParameters<typeof RepositoryBench>[0]) => {
      using bench = new RepositoryBench(sandbox, this.#env, this.#known);
      return await work(given, bench);
    };
    return this.sandbox.work(this.#context, name, input, run, options);
  }

  /**
   * Applies a diff, whole or not at all: conflicts are reported, not thrown. Errors: `invalid_argument` and `invalid_path` for what is no diff of files in a
   * repository, `payload_too_large`.
   */
  apply(name: string, diff: Diff, options: ApplyOptions = {}): Promise<ApplyReport> {
    return this.work(name, { diff, ...options }, (_input, bench) =>
      applyDiff(bench, diff, { ...options, findBase: (path, hash) => this.#findBase(bench, path, hash) }),
    );
  }

  /** All that has changed since the repository was opened, as a diff. Files that are no text are only in {@link changes}. */
  async diff(name: string): Promise<Diff> {
    return this.work(name, {}, async (_input, bench) => diffOf(await this.#changed(bench)));
  }

  /** All that has changed since the repository was opened, as a diff and for a commit. */
  async changes(name: string): Promise<WorkbenchChanges> {
    return this.work(name, {}, async (_input, bench) => {
      const changed = await this.#changed(bench);
      return { diff: diffOf(changed), changes: changed.map(({ file }) => file) };
    });
  }

  #changed(bench: RepositoryBench): Promise<readonly ChangedFile[]> {
    const readBase = (file: RepositoryFile) => this.#readBase(bench, file);
    return changesSince(bench, this.base, readBase);
  }

  async #findBase(bench: RepositoryBench, path: string, hash: string): Promise<string | undefined> {
    const file = this.base.files.find((one) => one.path === path && one.hash === hash);
    return file === undefined ? undefined : (await this.#readBase(bench, file)).toString("utf8");
  }

  #readBase(bench: RepositoryBench, file: RepositoryFile): Promise<Buffer> {
    return bench.readBytes(posix.join(BASE_FOLDER, file.path), file.size);
  }
}

function diffOf(changed: readonly ChangedFile[]): Diff {
  return makeDiff(changed.flatMap(({ text }) => (text === undefined ? [] : [text])));
}

/** Puts the files into the repository's folder, and a second time beside it. Whatever an attempt before left goes. */
async function unpack(
  bench: RepositoryBench,
  tar: AsyncIterable<Uint8Array>,
  include: readonly string[],
): Promise<void> {
  const { sandbox, signal } = bench;
  const files = await sandbox.files();
  if (sandbox.step.attempt > 1) {
    await bench.run(["rm", "-rf", "--", REPOSITORY_ROOT, AGENT_FOLDER], { cwd: "/" });
  }
  const made = [REPOSITORY_ROOT, BASE_FOLDER].map((folder) => files.mkdir(folder, { parents: true, signal }));
  await Promise.all(made);
  await files.unpack(REPOSITORY_ROOT, tar, signal);
  const { exitCode } = await bench.run(copyCommand(include));
  if (exitCode !== 0) throw new GloveboxError("unavailable", "the repository cannot be copied in this sandbox");
}

/** Of the repository's folder to the one beside it. */
function copyCommand(include: readonly string[]): readonly string[] {
  if (include.length === 0) return ["cp", "-a", "--", ".", BASE_FOLDER];
  const script = 'base=$1; shift; tar -cf - --anchored --no-wildcards "$@" . | tar -xf - -C "$base"';
  return ["/bin/sh", "-c", script, "sh", BASE_FOLDER, ...include.map((path) => `--exclude=./${path}`)];
}
