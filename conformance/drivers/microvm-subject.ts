import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { newId } from "../../packages/glovebox/src/core/index.ts";
import type { Sandbox, SandboxSpec } from "../../packages/glovebox/src/sandbox/index.ts";
import { MicrovmDriver, type MicrovmOptions } from "../../packages/glovebox/src/sandbox/microvm/index.ts";
import { decodeRecord } from "../../packages/glovebox/src/sandbox/microvm/record.ts";
import { folderSubject } from "./folder-subject.ts";
import type { DriverSubject } from "./subject.ts";

/** A template's first machines come from files, until there is one with its kernels and a process of that: so many at most. */
const FIRST = 3;

/** The driver, but every machine that it makes is a copy of a process; with `copies: "files"` none. */
class DecidedDriver extends MicrovmDriver {
  readonly #copies: "process" | "files";
  readonly #prepared = new Set<string>();
  readonly #runDir: string;

  constructor(options: MicrovmOptions) {
    super({ copies: "process", ...options, waiting: 0 });
    this.#copies = options.copies ?? "process";
    this.#runDir = options.runDir;
  }

  override async create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    const { id, workspaceDir, network, forkable, ...kind } = spec;
    const key = JSON.stringify([kind, network !== undefined]);
    const wanted = this.#copies === "process";
    for (let left = FIRST; left > 0; left -= 1) {
      if (wanted && !this.#prepared.has(key)) await this.#prepare(key, spec, signal);
      const made = await super.create(spec, signal);
      const { copy, shape } = decodeRecord(made.record);
      if ((copy !== undefined) === (wanted && shape.accelerator === "tcg")) return made;
      // Its template with kernels was ready a moment ago, and no process of it is yet.
      await made.destroy();
      this.#prepared.delete(key);
    }
    throw new Error(`no machine was made by way of: ${this.#copies}`);
  }

  /** What stands ready for others is no sandbox's, and not what one leaves behind. */
  override async settled(): Promise<void> {
    await super.settled();
    await this.shrink();
    this.#prepared.clear();
  }

  async #prepare(key: string, spec: SandboxSpec, signal: AbortSignal | undefined): Promise<void> {
    for (let i = 0; i < FIRST && !this.#prepared.has(key); i += 1) {
      const workspaceDir = mkdtempSync(join(this.#runDir, "..", "prepare-"));
      const made = await super.create({ ...spec, id: newId(), workspaceDir }, signal);
      await made.destroy();
      await super.settled();
      const { copy, shape } = decodeRecord(made.record);
      if (copy || shape.accelerator === "kvm") this.#prepared.add(key);
    }
  }
}

/** The microVM driver over a run folder of its own. Kernel, image and templates are those of the checkout: they are made once. */
export function makeMicrovmSubject(options: Partial<MicrovmOptions> = {}): DriverSubject {
  const uidBase = 1_000_000_000 + (process.pid % 10_000) * 65_536;
  return folderSubject("glovebox-vm-", uidBase, (own) => new DecidedDriver({ ...own, ...options }));
}
