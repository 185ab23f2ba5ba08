import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DurableEngine, openEmbeddedEngine } from "../../packages/glovebox/src/engine/index.ts";
import { openSqliteStore } from "../../packages/glovebox/src/store/index.ts";
import { damagesOf } from "./embedded-damage.ts";
import type { EngineSubject, OpenOptions } from "./subject.ts";

/** The embedded engine on a store in a folder of its own. */
export async function embeddedSubject(): Promise<EngineSubject> {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-engine-"));
  return {
    open: (options) => openOn(dataDir, options),
    damages: async (runId, choose) => damagesOf(dataDir, runId, choose),
    place: dataDir,
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
}

/** An engine with its store; closing the one closes the other. */
export async function openOn(dataDir: string, options: OpenOptions = {}): Promise<DurableEngine> {
  const { concurrency, maxQueued, whenFull, disk, ...others } = options;
  const before = () => {
    if (disk?.isFull === true) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  };
  const store = await openSqliteStore({ dataDir, faults: { before } });
  const limits = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(maxQueued === undefined ? {} : { maxQueued }),
    ...(whenFull === undefined ? {} : { whenFull }),
  };
  const engine = await openEmbeddedEngine({ determinism: "strict", ...others, store, scheduling: limits });
  const closeEngine = engine.close.bind(engine);
  const close: DurableEngine["close"] = async (how) => {
    await closeEngine(how);
    await store[Symbol.asyncDispose]();
  };
  return Object.assign(engine, { close, [Symbol.asyncDispose]: () => close() });
}
