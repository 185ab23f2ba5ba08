import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type CiSource, type Clock, GloveboxError, isId, newId } from "../../core/index.ts";
import type { CiRunStore } from "../../store/index.ts";
import type { SourceRequest } from "../runner/index.ts";
import type { CiGit } from "./ports.ts";
import { filesOfTar, firstOfTar } from "./tar-files.ts";

/** How long an upload is kept that no run names, milliseconds. */
const UNUSED_MS = 86_400_000;
const WORKFLOWS = ".github/workflows";
const WORKFLOW_FILE = /^\.github\/workflows\/[^/]+\.ya?ml$/;
/** Files of workflows that are looked at, and bytes of each. */
const MAX_WORKFLOWS = 500;
export const MAX_WORKFLOW_BYTES = 1_048_576;

export interface WorkflowFile {
  readonly path: string;
  readonly text: string;
}

/** The code that runs work on: uploaded archives, a file each in a folder, and commits of repositories. */
export class Sources {
  readonly #folder: string;
  readonly #store: CiRunStore;
  readonly #git: CiGit | undefined;
  readonly #clock: Clock;

  constructor(parts: {
    readonly folder: string;
    readonly store: CiRunStore;
    readonly git: CiGit | undefined;
    readonly clock: Clock;
  }) {
    this.#folder = parts.folder;
    this.#store = parts.store;
    this.#git = parts.git;
    this.#clock = parts.clock;
  }

  /** Keeps an uncompressed tar; its id is known to this tenant only. */
  async put(tenantId: string, archive: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<string> {
    const id = newId();
    const file = this.#file(tenantId, id);
    await mkdir(join(this.#folder, tenantId), { recursive: true, mode: 0o700 });
    const partial = `${file}.partial`;
    try {
      const options = signal === undefined ? {} : { signal };
      await pipeline(Readable.from(archive), createWriteStream(partial, { mode: 0o600, flush: true }), options);
      // Before a run relies on it: that it is an archive, and one whose entries all end.
      for await (const _file of filesOfTar(createReadStream(partial), { keep: () => 0 })) void _file;
      await rename(partial, file);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    return id;
  }

  /** `not_found` when the tenant has no such archive. */
  async check(tenantId: string, source: CiSource): Promise<void> {
    if (source.kind === "archive") await this.#existing(tenantId, source.id);
  }

  /** An uncompressed tar of the code, or of another repository of the same forge. */
  async open(
    tenantId: string,
    source: CiSource,
    request: SourceRequest,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    if (source.kind === "repository") {
      return this.#needGit().source(tenantId, source.repositoryId, { sha: source.sha, ...request }, signal);
    }
    if (request.repository !== undefined || request.ref !== undefined) {
      throw new GloveboxError("not_found", "an uploaded checkout has neither other repositories nor other commits");
    }
    return createReadStream(await this.#existing(tenantId, source.id), { signal });
  }

  /** The workflow files of the code, by path. */
  async workflows(tenantId: string, source: CiSource, signal: AbortSignal): Promise<readonly WorkflowFile[]> {
    const found =
      source.kind === "archive"
        ? await this.#ofArchive(tenantId, source.id)
        : await this.#ofGit(tenantId, source, signal);
    return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** `not_found`. */
  async read(tenantId: string, source: CiSource, path: string, signal: AbortSignal): Promise<string> {
    if (source.kind === "repository") {
      return this.#needGit().read(tenantId, source.repositoryId, source.sha, path, signal);
    }
    const tar = createReadStream(await this.#existing(tenantId, source.id), { signal });
    return firstOfTar(tar, (name) => name === path, MAX_WORKFLOW_BYTES, path);
  }

  /** Who has uploaded something. */
  tenants(): Promise<readonly string[]> {
    return names(this.#folder);
  }

  /** Removes uploads that no run names any more. */
  async sweep(): Promise<void> {
    for (const tenantId of await this.tenants()) {
      const files = await names(join(this.#folder, tenantId));
      const ids = files.map((name) => name.slice(0, name.indexOf(".")));
      const used = await this.#store.inUse("archive", ids);
      for (const [index, name] of files.entries()) {
        if (used.has(ids[index] ?? "")) continue;
        const file = join(this.#folder, tenantId, name);
        const { mtimeMs } = await stat(file);
        if (mtimeMs < this.#clock.nowMs() - UNUSED_MS) await rm(file, { force: true });
      }
    }
  }

  async #ofArchive(tenantId: string, id: string): Promise<WorkflowFile[]> {
    const found: WorkflowFile[] = [];
    const keep = (path: string) => (WORKFLOW_FILE.test(path) && found.length < MAX_WORKFLOWS ? MAX_WORKFLOW_BYTES : 0);
    const tar = createReadStream(await this.#existing(tenantId, id));
    for await (const { path, content } of filesOfTar(tar, { keep }))
      found.push({ path, text: content.toString("utf8") });
    return found;
  }

  async #ofGit(
    tenantId: string,
    { repositoryId, sha }: Extract<CiSource, { kind: "repository" }>,
    signal: AbortSignal,
  ): Promise<WorkflowFile[]> {
    const found = new Set<string>();
    const wanted = (path: string) => {
      if (WORKFLOW_FILE.test(path) && found.size < MAX_WORKFLOWS) found.add(path);
      return found.has(path);
    };
    const files = await this.#needGit().readFiles(tenantId, repositoryId, { sha, folder: WORKFLOWS, wanted }, signal);
    return [...files].map(([path, text]) => ({ path, text }));
  }

  async #existing(tenantId: string, id: string): Promise<string> {
    const file = this.#file(tenantId, id);
    if (!isId(id) || !(await stat(file).catch(() => undefined))?.isFile()) {
      throw new GloveboxError("not_found", `no uploaded archive ${id}`);
    }
    return file;
  }

  #file(tenantId: string, id: string): string {
    return join(this.#folder, tenantId, `${id}.tar`);
  }

  #needGit(): CiGit {
    if (this.#git !== undefined) return this.#git;
    throw new GloveboxError("unavailable", "this server has no repositories");
  }
}

async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
