import { createHash, randomBytes } from "node:crypto";
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Language, Logger } from "../../core/index.ts";
import type { MachineShape } from "./record.ts";

/** A saved machine that has just started: what every sandbox of its shape begins as. */
export interface Template {
  readonly key: string;
  readonly memory: string;
  readonly state: string;
  readonly workspace: string;
  readonly lineKey: Buffer;
  /** Kernels that run in it. */
  readonly kernels: readonly Language[];
  /** What they were started with. */
  readonly startEnv: Readonly<Record<string, string>>;
}

/** What tells one template from another. */
export interface TemplateWish {
  readonly shape: MachineShape;
  readonly diskMb: number;
  readonly openFiles: number;
  readonly kernels: readonly Language[];
  readonly startEnv: Readonly<Record<string, string>>;
}

const DESCRIPTION = "template.json";
/** Raised when what a template holds changes its meaning. */
const FORMAT = 1;

export interface TemplateStoreOptions {
  readonly dir: string;
  /** What all of them may take on disk, bytes. */
  readonly mostBytes: number;
  /** Of the host: a template is good only where it was made. */
  readonly compatibility: Readonly<Record<string, string>>;
  readonly logger: Logger;
  /** Makes a template's files in a folder and returns its key for the line. */
  readonly build: (wish: TemplateWish, dir: string) => Promise<Buffer>;
}

/**
 * Templates on disk, named by all that they depend on, so that none ever goes stale: an upgrade makes others. Those used longest ago
 * are removed when they take more than they may; machines that began from one hold on to its files.
 */
export class TemplateStore {
  readonly #options: TemplateStoreOptions;
  readonly #making = new Map<string, Promise<Template>>();
  readonly #known = new Map<string, Template>();

  constructor(options: TemplateStoreOptions) {
    this.#options = options;
  }

  /** The template if there is one. */
  async find(wish: TemplateWish): Promise<Template | undefined> {
    const key = this.#keyOf(wish);
    const known = this.#known.get(key) ?? (await this.#read(key));
    if (!known || !(await isThere(known.memory))) {
      this.#known.delete(key);
      return undefined;
    }
    this.#known.set(key, known);
    const now = new Date();
    await utimes(join(this.#options.dir, key, DESCRIPTION), now, now).catch(() => {});
    return known;
  }

  /** The template, made at first need. Errors: those of starting a machine. */
  async get(wish: TemplateWish): Promise<Template> {
    const found = await this.find(wish);
    if (found) return found;
    const key = this.#keyOf(wish);
    const under = this.#making.get(key);
    if (under) return under;
    const made = this.#make(key, wish);
    this.#making.set(key, made);
    try {
      return await made;
    } finally {
      this.#making.delete(key);
    }
  }

  /** Those that are being made now. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#making.values());
  }

  #keyOf(wish: TemplateWish): string {
    const text = JSON.stringify([FORMAT, this.#options.compatibility, wish]);
    return createHash("sha256").update(text).digest("hex").slice(0, 32);
  }

  async #read(key: string): Promise<Template | undefined> {
    const dir = join(this.#options.dir, key);
    try {
      const { lineKey, kernels, startEnv } = JSON.parse(await readFile(join(dir, DESCRIPTION), "utf8"));
      return { key, ...filesIn(dir), lineKey: Buffer.from(lineKey, "hex"), kernels, startEnv };
    } catch {
      return undefined;
    }
  }

  async #make(key: string, wish: TemplateWish): Promise<Template> {
    const { dir, build, logger } = this.#options;
    const begun = performance.now();
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const partial = join(dir, `.making-${key}-${randomBytes(4).toString("hex")}`);
    await mkdir(partial, { mode: 0o700 });
    try {
      const lineKey = await build(wish, partial);
      const { kernels, startEnv } = wish;
      for (const path of Object.values(filesIn(partial))) {
        if (process.getuid?.() === 0) await chown(path, 0, 0);
        // Machines read it under uids of their own, and none may write it.
        await chmod(path, 0o444);
      }
      await writeFile(
        join(partial, DESCRIPTION),
        JSON.stringify({ lineKey: lineKey.toString("hex"), kernels, startEnv }),
        { mode: 0o600 },
      );
      await rename(partial, join(dir, key)).catch(async (error: unknown) => {
        // Another server was faster.
        if (!(await isThere(join(dir, key, DESCRIPTION)))) throw error;
      });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    const made = await this.#read(key);
    if (!made) throw new Error("a template that was just made is gone");
    this.#known.set(key, made);
    logger.info({ key, kernels: wish.kernels, ms: Math.round(performance.now() - begun) }, "microVM template made");
    await this.#removeOldest(key);
    return made;
  }

  async #removeOldest(keep: string): Promise<void> {
    const { dir, mostBytes } = this.#options;
    const found: { name: string; bytes: number; usedMs: number }[] = [];
    for (const name of await readdir(dir)) {
      if (name.startsWith(".")) continue;
      const used = await stat(join(dir, name, DESCRIPTION)).catch(() => undefined);
      let bytes = 0;
      for (const path of Object.values(filesIn(join(dir, name))))
        bytes += ((await stat(path).catch(() => undefined))?.blocks ?? 0) * 512;
      found.push({ name, bytes, usedMs: used?.mtimeMs ?? 0 });
    }
    found.sort((a, b) => b.usedMs - a.usedMs);
    let sum = 0;
    for (const { name, bytes } of found) {
      sum += bytes;
      if (sum <= mostBytes || name === keep) continue;
      this.#known.delete(name);
      await rm(join(dir, name), { recursive: true, force: true });
    }
  }
}

function filesIn(dir: string): Pick<Template, "memory" | "state" | "workspace"> {
  return { memory: join(dir, "memory"), state: join(dir, "state"), workspace: join(dir, "workspace") };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
