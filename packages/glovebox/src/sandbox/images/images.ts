import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { GloveboxError, isGloveboxError, type Logger, silentLogger } from "../../core/index.ts";
import type { BuiltTree } from "./build-definition.ts";
import { type BuildHost, planBuild } from "./build-plan.ts";
import { ContentHeap } from "./content-heap.ts";
import type { Image, ImageEntry, ImageWorkOptions } from "./image.ts";
import { asImageError, ImageStore, type NewImage } from "./image-store.ts";
import { takeLock } from "./lock.ts";
import { packTree } from "./pack-tree.ts";
import { openWorkFolder, sweepWorkFolders } from "./work-folder.ts";

/** An image's files, unpacked, may have no more than this. Bytes. */
const MAX_CONTENT_BYTES = 16 * 1_073_741_824;
const PACKING_FROM = 0.9;

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
}

/** Root images for sandboxes with a kernel of their own. */
export interface Images {
  /**
   * The image of that name, built when there is none of its definition as it is now. Who asks meanwhile, in this process or another, waits.
   * Errors: `not_found`, `invalid_argument` (a definition), `unavailable` (a tool is missing or fails), `language_unavailable`,
   * `resource_exhausted` (no space), `cancelled`, `timeout`.
   */
  ensure(name: string, work?: ImageWorkOptions): Promise<Image>;
  /** As `ensure`, but always builds, with the packages that Debian has now. */
  build(name: string, work?: ImageWorkOptions): Promise<Image>;
  /** Every name that is defined or there, sorted. */
  list(): Promise<readonly ImageEntry[]>;
  /** Errors: `not_found`. */
  show(name: string): Promise<ImageEntry>;
  /** Forgets an image; what no other name stands for is deleted. Errors: `not_found`. */
  remove(name: string, work?: Pick<ImageWorkOptions, "signal">): Promise<void>;
}

export function openImages(options: ImagesOptions): Images {
  return new ImageRoom(options);
}

class ImageRoom implements Images {
  readonly #dir: string;
  readonly #host: BuildHost;
  readonly #logger: Logger;
  readonly #store: ImageStore;

  constructor(options: ImagesOptions) {
    this.#dir = resolve(options.dir);
    this.#host = {
      definitionsDir: resolve(options.definitionsDir),
      nodePath: options.nodePath ?? process.execPath,
      ...(options.aptSourcesFile !== undefined && { aptSourcesFile: options.aptSourcesFile }),
    };
    this.#logger = options.logger ?? silentLogger;
    this.#store = new ImageStore(this.#dir);
  }

  async ensure(name: string, work: ImageWorkOptions = {}): Promise<Image> {
    const found = await this.#current(name);
    return found ?? this.#locked(name, work, async () => (await this.#current(name)) ?? this.#make(name, work));
  }

  async build(name: string, work: ImageWorkOptions = {}): Promise<Image> {
    checkName(name);
    return this.#locked(name, work, () => this.#make(name, work));
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
    if (record && record.origin !== "definition") {
      return { name, description: record.description, state: "ready", ...image };
    }
    try {
      const plan = await planBuild(name, this.#host);
      if (!plan && !record) throw unknown(name);
      const state = !record ? "absent" : record.inputsHash === plan?.inputsHash ? "ready" : "outdated";
      return { name, description: plan?.definition.description ?? record?.description ?? "", state, ...image };
    } catch (error) {
      if (!isGloveboxError(error) || error.code === "not_found") throw error;
      return { name, description: record?.description ?? "", state: "broken", reason: error.message, ...image };
    }
  }

  async remove(name: string, { signal }: Pick<ImageWorkOptions, "signal"> = {}): Promise<void> {
    checkName(name);
    await using _lock = await takeLock(join(this.#dir, "locks"), name, signal ? { signal } : {});
    if (!(await this.#store.remove(name))) throw unknown(name);
  }

  /** The image of that name, unless it has to be made. What was imported stands until it is removed or built over. */
  async #current(name: string): Promise<Image | undefined> {
    checkName(name);
    const record = await this.#store.record(name);
    if (record && record.origin !== "definition") return this.#store.image(name, record);
    const plan = await planBuild(name, this.#host);
    if (!plan) throw unknown(name);
    return record && record.inputsHash === plan.inputsHash ? this.#store.image(name, record) : undefined;
  }

  async #locked<T>(name: string, work: ImageWorkOptions, action: () => Promise<T>): Promise<T> {
    await mkdir(this.#dir, { recursive: true, mode: 0o755 });
    await using _lock = await takeLock(join(this.#dir, "locks"), name, {
      ...(work.signal && { signal: work.signal }),
      onWait: () => work.onProgress?.({ stage: "waiting for another that makes it", fraction: 0 }),
    });
    return action();
  }

  async #make(name: string, work: ImageWorkOptions): Promise<Image> {
    const plan = await planBuild(name, this.#host);
    if (!plan) throw unknown(name);
    const { inputsHash, definition } = plan;
    const description = definition.description;
    const { buildDefinition } = await import("./build-definition.ts");
    return this.#keepTree(name, work, { inputsHash, origin: "definition", description }, (place) =>
      buildDefinition({ ...plan, ...place }, work),
    );
  }

  /** Makes a tree, packs it, and keeps it: all of it in a folder that is gone afterwards. */
  async #keepTree(
    name: string,
    work: ImageWorkOptions,
    facts: Pick<NewImage, "inputsHash" | "origin" | "description">,
    make: (place: { workDir: string; heap: ContentHeap }) => Promise<BuiltTree>,
  ): Promise<Image> {
    const building = join(this.#dir, "building");
    await sweepWorkFolders(building);
    this.#logger.info({ image: name, origin: facts.origin }, "making an image");
    await using folder = await openWorkFolder(building);
    try {
      await using heap = await ContentHeap.create(join(folder.dir, "contents"), MAX_CONTENT_BYTES);
      const { tree, languages } = await make({ workDir: folder.dir, heap });
      const packed = join(folder.dir, "rootfs.squashfs");
      const report = (share: number) =>
        work.onProgress?.({ stage: "packing", fraction: PACKING_FROM + share * (1 - PACKING_FROM) });
      report(0);
      await packTree(tree, heap, packed, { onShare: report, ...(work.signal && { signal: work.signal }) });
      const image = await this.#store.keep(name, packed, { ...facts, languages, createdAt: new Date().toISOString() });
      this.#logger.info({ image: name, id: image.id, bytes: image.sizeBytes }, "made an image");
      work.onProgress?.({ stage: "ready", fraction: 1 });
      return image;
    } catch (error) {
      throw asImageError(error);
    }
  }
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new GloveboxError("invalid_argument", `'${name.slice(0, 80)}' is not a name of an image`);
}

function unknown(name: string): GloveboxError {
  return new GloveboxError("not_found", `there is no image '${name}', nor a definition of one`, { details: { name } });
}
