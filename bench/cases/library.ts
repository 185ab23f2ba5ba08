import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS, newId } from "../../packages/glovebox/src/core/index.ts";
import { BubblewrapDriver } from "../../packages/glovebox/src/sandbox/bubblewrap/index.ts";
import { bareBubblewrapPython } from "../floors.ts";
import { type Case, timeEach } from "../harness.ts";

/** The `sandbox` library in this process: create, `print(1)`, destroy. */
export const library: Case = {
  name: "library.bubblewrap.print",
  unit: "ms",
  target: { better: "lower", p50: 20 },
  async run() {
    const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
    await using driver = new BubblewrapDriver({ runDir: join(folder, "run") });
    const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
    const limits = { cpus, memoryMb, pids, openFiles, diskMb };
    const once = async () => {
      const workspaceDir = await mkdtemp(join(folder, "work-"));
      const spec = { id: newId(), workspaceDir, limits, allowPartial: false, env: {}, languages: ["python"] as const };
      await using sandbox = await driver.create(spec);
      const argv = ["/usr/bin/python3", "-c", "print(1)"];
      const process = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
      let text = "";
      for await (const item of process.output()) {
        if (item.kind !== "output") continue;
        text += Buffer.from(item.data).toString();
        process.ack(item.stream, item.offset + item.data.length);
      }
      if (text !== "1\n") throw new Error(`printed ${JSON.stringify(text)}`);
    };
    try {
      const samples: number[] = [];
      const floor: number[] = [];
      for (let i = -5; i < 60; i += 1) {
        const [ms = 0] = await timeEach(1, 0, once);
        const [bare = 0] = await timeEach(1, 0, bareBubblewrapPython);
        // Time for the waiting supervisors to be refilled, as between two calls of a real user.
        await new Promise((done) => setTimeout(done, 40));
        if (i < 0) continue;
        samples.push(ms);
        floor.push(bare);
      }
      return { samples, floor: { name: "bare bwrap + python", samples: floor } };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
