import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { GloveboxError, isGloveboxError, type Logger, silentLogger } from "../../core/index.ts";
import { defaultNativeDir } from "../native/index.ts";
import { type BuildHost, planBuild } from "./build-plan.ts";
import { ContentHeap } from "./content-heap.ts";
import type { Image, ImageEntry, ImageWorkOptions } from "./image.ts";
import { asImageError, ImageStore } from "./image-store.ts";
import type { Images, ImportOptions } from "./images.ts";
import { takeLock } from "./lock.ts";
import { type MakeOptions, makeImage } from "./make-image.ts";
import { readSquashfs } from "./read-squashfs.ts";
import { openWorkFolder } from "./work-folder.ts";

export interface ImagesOptions {
  /** Where images are kept. Made when it is not there. */
  readonly dir: string;
  /** Folder of `<name>.yaml`. */
  readonly definitionsDir: string;
  readonly logger?: Logger;
  /** Debian sources, as in sources.list. Default: this machine's. */
  readonly aptSourcesFile?: string;
  /** The Node that images get. Default: the one that runs this. */
  readonly nodePath?: string;
  /** MiB that an image's files may have, unpacked. Default 16,384. */
  readonly maxImageMb?: number;
}

/** Beside the native programs: shared by all servers, drivers and tests of one installation, so that an image is built once. */
export function defaultImagesDir(): string {
  return join(dirname(defaultNativeDir()), "images");
}

export function openImages(options: ImagesOptions): Images {
  return new ImageFolder(options);
}

/** Images in one folder of this host, which several processes may use at once. */
class ImageFolder implements Images {
  readonly #dir: string;
  readonly #building: string;
  readonly #host: BuildHost;
  readonly #logger: Logger;
  readonly #store: ImageStore;
  readonly #maxBytes: number;

  constructor(options: ImagesOptions) {
    this.#dir = resolve(options.dir);
    this.#building = join(this.#dir, "building");
    this.#host = {
      definitionsDir: resolve(options.definitionsDir),
      nodePath: options.nodePath ?? process.execPath,
      ...(options.aptSourcesFile !== undefined && { aptSourcesFile: options.aptSourcesFile }),
    };
    this.#logger = options.logger ?? silentLogger;
    this.#store = new ImageStore(this.#dir);
    this.#maxBytes = (options.maxImageMb ?? 16_384) * 1_048_576;
  }

  async ensure(name: string, work: ImageWorkOptions = {}): Promise<Image> {
    const found = await this.#current(name);
    return found ?? this.#locked(name, work, async () => (await this.#current(name)) ?? this.#build(name, work));
  }

  async build(name: string, work: ImageWorkOptions = {}): Promise<Image> {
    checkName(name);
    if (!(await planBuild(name, this.#host))) throw unknown(name);
    return this.#locked(name, work, () => this.#build(name, work));
  }

  async list(): Promise<readonly ImageEntry[]> {
    const { definedNames } = await import("./load-definition.ts");
    const names = new Set([...(await definedNames(this.#host.definitionsDir)), ...(await this.#store.names())]);
    return Promise.all([...names].sort().map((name) => this.show(name)));
  }

  async show(name: string): Promise<ImageEntry> {
    checkName(name);
    const record = await this.#store.record(name);
    const image = record && { image: this.#store.image(name, record) };
    if (record?.origin === "import") return { name, description: record.description, state: "ready", ...image };
    try {
      const plan = await planBuild(name, this.#host);
      if (!plan && !record) throw unknown(name);
      if (!plan) throw new GloveboxError("invalid_argument", `the definition of image '${name}' is gone`);
      const state = !record ? "absent" : record.inputsHash === plan.inputsHash ? "ready" : "outdated";
      return { name, description: plan.definition.description, state, ...image };
    } catch (error) {
      if (!isGloveboxError(error) || error.code === "not_found") throw error;
      return { name, description: record?.description ?? "", state: "broken", reason: error.message, ...image };
    }
  }

  async remove(name: string, { signal }: Pick<ImageWorkOptions, "signal"> = {}): Promise<void> {
    checkName(name);
    const removed = await this.#locked(name, signal ? { signal } : {}, () => this.#store.remove(name));
    if (!removed) throw unknown(name);
  }

  async exportTo(name: string, path: string, { signal }: ImageWorkOptions = {}): Promise<void> {
    checkName(name);
    const record = await this.#store.record(name);
    if (!record) throw new GloveboxError("not_found", `there is no image '${name}' to export: build it first`);
    const target = createWriteStream(path, { flags: "wx", mode: 0o600 });
    await opened(target, path);
    try {
      await using folder = await openWorkFolder(this.#building);
      const listFile = join(folder.dir, "list");
      const image = this.#store.image(name, record);
      const tree = await readSquashfs(image.rootfs, listFile, signal);
      await using heap = await ContentHeap.over(listFile);
      const { exportOci } = await import("./oci/export-oci.ts");
      const layerFile = join(folder.dir, "layer");
      const { inputsHash } = record;
      await exportOci({ image, inputsHash, tree, heap, layerFile, ...(signal && { signal }) }, target);
    } catch (error) {
      target.destroy();
      await rm(path, { force: true });
      throw asImageError(error);
    }
  }

  async importFrom(path: string, options: ImportOptions = {}): Promise<Image> {
    const { importTree, nameInside, openLayout } = await import("./import-image.ts");
    try {
      await using folder = await openWorkFolder(this.#building);
      const layout = await openLayout(path, folder.dir, this.#maxBytes, options.signal);
      const name = options.name ?? (await nameInside(layout));
      if (name === undefined)
        throw new GloveboxError("invalid_argument", "the image has no name of its own; give it one");
      checkName(name);
      return await this.#locked(name, options, async () => {
        if (!options.replace && (await this.#store.record(name))) {
          throw new GloveboxError("already_exists", `there is an image '${name}'`, { details: { name } });
        }
        return this.#make(name, options, ({ heap }) => importTree(layout, heap, this.#maxBytes, options));
      });
    } catch (error) {
      throw asImageError(error);
    }
  }

  /** The image of that name, unless it has to be made. */
  async #current(name: string): Promise<Image | undefined> {
    checkName(name);
    const record = await this.#store.record(name);
    if (record?.origin === "import") return this.#store.image(name, record);
    const plan = await planBuild(name, this.#host);
    if (!plan) throw unknown(name);
    return record && record.inputsHash === plan.inputsHash ? this.#store.image(name, record) : undefined;
  }

  async #build(name: string, work: ImageWorkOptions): Promise<Image> {
    const plan = await planBuild(name, this.#host);
    if (!plan) throw unknown(name);
    const { buildDefinition } = await import("./build-definition.ts");
    return this.#make(name, work, (place) => buildDefinition({ ...plan, ...place }, work));
  }

  #make(name: string, work: ImageWorkOptions, make: MakeOptions["make"]): Promise<Image> {
    const places = { building: this.#building, store: this.#store, logger: this.#logger, maxBytes: this.#maxBytes };
    return makeImage({ name, ...places, make }, work);
  }

  async #locked<T>(name: string, work: ImageWorkOptions, action: () => Promise<T>): Promise<T> {
    await mkdir(this.#dir, { recursive: true, mode: 0o755 });
    await using _lock = await takeLock(join(this.#dir, "locks"), name, {
      ...(work.signal && { signal: work.signal }),
      onWait: () => work.onProgress?.({ stage: "waiting for another that makes it", fraction: 0 }),
    });
    return await action();
  }
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

function checkName(name: string): void {
  if (NAME.test(name)) return;
  const shown = JSON.stringify(name.slice(0, 80));
  throw new GloveboxError(
    "invalid_argument",
    `${shown} is not a name of an image: lower-case letters, digits, '.', '_' and '-'`,
  );
}

function unknown(name: string): GloveboxError {
  return new GloveboxError("not_found", `there is no image '${name}', nor a definition of one`, { details: { name } });
}

/** Errors: `already_exists`, `invalid_argument`. */
async function opened(stream: ReturnType<typeof createWriteStream>, path: string): Promise<void> {
  await new Promise<void>((resolved, reject) => {
    stream.once("open", () => resolved());
    stream.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === "EEXIST"
          ? new GloveboxError("already_exists", `${path} exists`, { cause })
          : new GloveboxError("invalid_argument", `${path} cannot be written: ${cause.message}`, { cause }),
      ),
    );
  });
}
