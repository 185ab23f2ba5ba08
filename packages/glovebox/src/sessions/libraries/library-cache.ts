import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { findLibrary, type Library } from "./library-catalogue.ts";
import { npmPack } from "./npm-pack.ts";
import { readArchiveFile } from "./read-archive.ts";

export interface LibraryCache {
  /** Sources by the global name. Errors: `module_not_allowed`, `unavailable` when one can neither be found nor fetched. */
  sources(names: readonly string[], signal?: AbortSignal): Promise<Readonly<Record<string, string>>>;
}

/** Libraries as files named by their checksum; what is missing is fetched from the npm registry once. */
export class NpmLibraryCache implements LibraryCache {
  readonly #folder: string;
  readonly #loaded = new Map<string, Promise<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async sources(names: readonly string[], signal?: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const libraries = [...new Set(names)].map(findLibrary);
    const entries = await Promise.all(
      libraries.map(async (library) => [library.global, await this.#load(library, signal)] as const),
    );
    return Object.fromEntries(entries);
  }

  #load(library: Library, signal: AbortSignal | undefined): Promise<string> {
    const known = this.#loaded.get(library.name);
    if (known !== undefined) return known;
    const loading = this.#read(library, signal);
    this.#loaded.set(library.name, loading);
    loading.catch(() => this.#loaded.delete(library.name));
    return loading;
  }

  async #read(library: Library, signal: AbortSignal | undefined): Promise<string> {
    const { name, version } = library;
    try {
      const archive = (await this.#cached(library)) ?? (await this.#fetch(library, signal));
      return asScript(library, await readArchiveFile(archive, library.file));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new GloveboxError("unavailable", `the library ${name} ${version} could not be fetched: ${message}`, {
        details: { library: name, version },
        cause: error,
      });
    }
  }

  #path(library: Library): string {
    const digest = Buffer.from(library.integrity.slice("sha512-".length), "base64").toString("hex");
    return join(this.#folder, `${digest.slice(0, 64)}.tgz`);
  }

  /** A damaged file is as good as none. */
  async #cached(library: Library): Promise<Uint8Array | undefined> {
    try {
      const archive = await readFile(this.#path(library));
      return integrityOf(archive) === library.integrity ? archive : undefined;
    } catch {
      return undefined;
    }
  }

  async #fetch(library: Library, signal: AbortSignal | undefined): Promise<Uint8Array> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const folder = await mkdtemp(join(tmpdir(), "glovebox-library-"));
    try {
      const file = await npmPack(`${library.name}@${library.version}`, folder, signal);
      const archive = await readFile(file);
      const found = integrityOf(archive);
      if (found !== library.integrity) throw new Error(`its checksum is ${found}, not ${library.integrity}`);
      const beside = join(this.#folder, `.${process.pid}-${library.name}.tgz`);
      await rm(beside, { force: true });
      await copyFile(file, beside);
      await rename(beside, this.#path(library));
      return archive;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

function integrityOf(archive: Uint8Array): string {
  return `sha512-${createHash("sha512").update(archive).digest("base64")}`;
}

/** One script that leaves nothing behind but the library's global. */
function asScript(library: Library, source: string): string {
  const name = JSON.stringify(library.global);
  return `(function () {
var module = { exports: {} }, exports = module.exports, define = undefined, self = globalThis, window = undefined;
(function () {
${source}
}).call(globalThis);
Object.defineProperty(globalThis, ${name}, { value: module.exports, writable: true, configurable: true, enumerable: false });
})();
`;
}
