import { buffer } from "node:stream/consumers";
import { z } from "zod";
import { isGloveboxError } from "../../core/index.ts";
import type { SandboxBench } from "../../runs/index.ts";
import { createJobToolkit, type JobToolkit } from "../toolkit/job-toolkit.ts";
import type { JobHost, JobRun } from "./job-run.ts";
import { LAYOUT } from "./layout.ts";
import { type StepEffects, type StepRecord, StoredEffects } from "./step-record.ts";
import type { StepRun } from "./step-run.ts";

const MAX_STORED_BYTES = 16 * 1_048_576;

/**
 * What a job knows and its journal may not: the values of secrets, and what steps made of them. It is in this process's memory; after a crash it is read again from the
 * host and from the sandbox.
 */
export class JobMemory {
  readonly #job: JobRun;
  readonly #host: JobHost;
  readonly #effects = new Map<number, StepEffects>();
  #secrets: Promise<Readonly<Record<string, string>>> | undefined;
  #toolkit: JobToolkit | undefined;
  #readsMasks = true;
  #masks: readonly string[] = [];
  /** The step at work, for a cancel that comes meanwhile. */
  atWork: { readonly run: StepRun; readonly startedAtMs: number } | undefined;

  constructor(job: JobRun, host: JobHost) {
    this.#job = job;
    this.#host = host;
  }

  /** The job's secrets, of which the session masks every value and every line from now on. */
  async secrets(bench: SandboxBench): Promise<Readonly<Record<string, string>>> {
    if (!this.#job.secretsAllowed) return {};
    this.#secrets ??= this.#host.secrets(this.#job);
    const secrets = await this.#secrets;
    const values = Object.values(secrets).flatMap((value) => [value, ...value.split(/\r?\n/)]);
    const some = values.filter((value) => value.trim() !== "");
    if (some.length > 0) (await bench.masks()).add(some);
    return secrets;
  }

  /** Lets the sandbox's programs reach artifacts and caches, where they can: what actions find them by. Anew in every step, since its way out may be another one. */
  async toolkit(bench: SandboxBench): Promise<Readonly<Record<string, string>>> {
    const { storage } = this.#host;
    if (storage === undefined) return {};
    this.#toolkit ??= createJobToolkit(storage, { runId: bench.step.runId, jobKey: this.#job.key });
    const { service, token, variables } = this.#toolkit;
    if (!(await bench.offer(service))) return {};
    await bench.masks().then(
      (masks) => masks.add([token]),
      () => {}, // a server that masks nothing
    );
    return variables;
  }

  /** Masks again what an earlier process of the server was told to. To be called before anything is run. */
  async recall(bench: SandboxBench, records: readonly StepRecord[]): Promise<void> {
    // The session may be another one than before: a restored one knows none of them.
    if (this.#masks.length > 0) (await bench.masks()).add(this.#masks);
    if (!this.#readsMasks) return;
    this.#readsMasks = false;
    // The first attempt of the first step follows nothing.
    if (records.length === 0 && bench.step.attempt === 1) return;
    const found = z.array(z.string()).safeParse(await readJson(bench, LAYOUT.masks));
    if (!found.success || found.data.length === 0) return;
    this.#masks = found.data;
    (await bench.masks()).add(found.data);
  }

  /** Keeps what a process said to mask for a crash. */
  async remember(bench: SandboxBench, masks: readonly string[]): Promise<void> {
    const all = [...new Set([...this.#masks, ...masks])];
    if (all.length === this.#masks.length) return;
    this.#masks = all;
    await writeJson(bench, LAYOUT.masks, all);
  }

  /** A step's effects as they are. */
  async effects(bench: SandboxBench, { outcome, effects, isVeiled }: StepRecord): Promise<StepEffects> {
    const known = isVeiled ? this.#effects.get(outcome.number) : effects;
    if (known !== undefined) return known;
    const stored = StoredEffects.safeParse(await readJson(bench, fileOf(outcome.number)));
    const found = stored.success ? stored.data : effects;
    this.#effects.set(outcome.number, found);
    return found;
  }

  async keep(bench: SandboxBench, number: number, effects: StepEffects): Promise<void> {
    this.#effects.set(number, effects);
    await writeJson(bench, fileOf(number), effects);
  }
}

function fileOf(number: number): string {
  return `${LAYOUT.root}/effects-${number}.json`;
}

async function writeJson(bench: SandboxBench, path: string, value: unknown): Promise<void> {
  const files = await bench.files();
  await files.write(path, Buffer.from(JSON.stringify(value)), { mode: 0o600, parents: true, signal: bench.signal });
}

/** `undefined` for what is not there, or is no JSON: the sandbox's programs can do that. */
async function readJson(bench: SandboxBench, path: string): Promise<unknown> {
  const files = await bench.files();
  try {
    const bytes = await buffer(files.read(path, { limit: MAX_STORED_BYTES, signal: bench.signal }));
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || isGloveboxError(error, "not_found")) return undefined;
    throw error;
  }
}
