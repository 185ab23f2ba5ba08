import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, GloveboxError, type Logger, type Outside } from "../../core/index.ts";
import { type IsolationDriver, removeTree } from "../../sandbox/index.ts";
import { buildLayer } from "./build-layer.ts";
import { isEmpty, type Packages } from "./pins.ts";
import { findRegistries, type RegistrySettings } from "./registries.ts";

/** What a layer's packages were installed for: another Debian release, processor or Node wants another layer. */
const PLATFORM = { arch: process.arch, node: process.versions.node } as const;
const META = ".json";
const UNUSED_MS = 30 * 86_400_000;

export interface PackageSettings {
  readonly registries: RegistrySettings;
  /** MiB of all layers together; beyond it nothing is built. */
  readonly maxMb: number;
}

/**
 * Installed packages, each set once: a folder named by the hash of what is in it, with a file beside it that is written last and makes it count.
 * Sandboxes mount the folder read-only; the host never looks into it.
 */
export class PackageLayers {
  readonly #folder: string;
  readonly #settings: PackageSettings;
  readonly #outside: Outside | undefined;
  readonly #logger: Logger;
  readonly #building = new Map<string, Promise<string>>();

  constructor(options: {
    readonly dataDir: string;
    readonly settings: PackageSettings;
    readonly outside: Outside | undefined;
    readonly logger: Logger;
  }) {
    this.#folder = join(options.dataDir, "layers");
    this.#settings = options.settings;
    this.#outside = options.outside;
    this.#logger = options.logger;
  }

  /**
   * The host folder of a layer with the packages, built when there is none; `undefined` when there are no packages. Who asks at the same time waits
   * for the same building. Errors: `unavailable`, `resource_exhausted`, `cancelled`.
   */
  async folder(packages: Packages, driver: IsolationDriver, signal?: AbortSignal): Promise<string | undefined> {
    if (isEmpty(packages)) return undefined;
    const key = this.keyOf(packages);
    const folder = join(this.#folder, key);
    if ((await this.#meta(key)) !== undefined) {
      const now = new Date();
      await utimes(this.#metaPath(key), now, now);
      return folder;
    }
    let building = this.#building.get(key);
    if (building === undefined) {
      // Not the asker's signal: others may wait for the same.
      building = this.#build(key, packages, driver).finally(() => this.#building.delete(key));
      this.#building.set(key, building);
    }
    return signal === undefined ? building : Promise.race([building, aborted(signal)]);
  }

  get registries(): RegistrySettings {
    return this.#settings.registries;
  }

  keyOf(packages: Packages): string {
    const sorted = Object.fromEntries(Object.entries(packages).map(([name, list]) => [name, [...list].sort()]));
    return createHash("sha256")
      .update(canonicalJson({ ...PLATFORM, packages: sorted, registries: this.#settings.registries }))
      .digest("hex");
  }

  /**
   * Removes what an interrupted building left, and layers that no session has used for a month. `live`: keys of those that sandboxes have mounted.
   * To be called before work is taken.
   */
  async sweep(live: ReadonlySet<string>): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch(() => [] as string[]);
    const removed: string[] = [];
    for (const name of names.filter((one) => !one.endsWith(META))) {
      const used = await stat(this.#metaPath(name)).catch(() => undefined);
      if (live.has(name) || (used !== undefined && used.mtimeMs > Date.now() - UNUSED_MS)) continue;
      await rm(this.#metaPath(name), { force: true });
      await removeTree(join(this.#folder, name));
      removed.push(name);
    }
    return removed;
  }

  async #build(key: string, packages: Packages, driver: IsolationDriver): Promise<string> {
    if (this.#outside === undefined)
      throw new GloveboxError("unavailable", "packages need the network, and this server lets no sandbox out");
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#refuseWhenFull();
    const folder = join(this.#folder, key);
    await removeTree(folder);
    const registries = await findRegistries(packages, this.#settings.registries);
    this.#logger.info({ layer: key, packages }, "installing packages");
    const bytes = await buildLayer({ driver, outside: this.#outside, packages, registries, folder });
    await writeFile(this.#metaPath(key), `${JSON.stringify({ packages, bytes, platform: PLATFORM })}\n`, {
      flush: true,
    });
    this.#logger.info({ layer: key, bytes }, "packages installed");
    return folder;
  }

  async #refuseWhenFull(): Promise<void> {
    const names = await readdir(this.#folder);
    const metas = await Promise.all(
      names.filter((name) => name.endsWith(META)).map((name) => this.#meta(name.slice(0, -META.length))),
    );
    const mb = metas.reduce((sum, meta) => sum + (meta?.bytes ?? 0), 0) / 1_048_576;
    if (mb < this.#settings.maxMb) return;
    throw new GloveboxError(
      "resource_exhausted",
      `installed packages take ${Math.round(mb)} MiB of the ${this.#settings.maxMb} they may; those unused for a month go at the next start`,
    );
  }

  #metaPath(key: string): string {
    return join(this.#folder, `${key}${META}`);
  }

  async #meta(key: string): Promise<{ readonly bytes: number } | undefined> {
    try {
      return JSON.parse(await readFile(this.#metaPath(key), "utf8")) as { bytes: number };
    } catch {
      return undefined;
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new GloveboxError("cancelled", "waiting for packages was cancelled"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
