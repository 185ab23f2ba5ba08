import { flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { ToWorker, WorkerSeed } from "../messages.ts";
import { WORD } from "../shared-words.ts";
import { Channel } from "./channel.ts";
import { Engine } from "./engine.ts";
import { createInstance } from "./instance.ts";
import { MemoryCap } from "./memory-cap.ts";

/** The thread of one kernel: makes the instance, says that it is warm, then serves the one session that takes it. */
async function main(): Promise<void> {
  const port = parentPort;
  if (!port) throw new Error("runs in a worker thread only");
  const seed = workerData as WorkerSeed;
  const channel = new Channel(seed.words, seed.answers, (message) => port.postMessage(message));
  const cap = new MemoryCap(
    (pages) => Atomics.store(seed.words, WORD.memoryPages, pages),
    () => channel.outOfMemory(),
  );
  const engine = new Engine(await createInstance(seed.module, cap), channel);
  if (seed.rehearse) {
    engine.warmUp();
    // The next worker finds this one's code compiled.
    if (seed.compileCache !== undefined) flushCompileCache();
  }
  port.on("message", (message: ToWorker) => {
    try {
      if (message.t === "setup") {
        cap.join(message.setup.pagesUsed, message.setup.maxPages);
        engine.setup(message.setup);
        channel.post({ t: "ready" });
      } else {
        engine.run(message.serial, message.request);
      }
    } catch (error) {
      // The engine's state cannot be trusted any more.
      channel.post({ t: "fatal", message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
      channel.halt();
    }
  });
  channel.post({ t: "warm" });
}

await main();
