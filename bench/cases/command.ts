import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareBubblewrapPython, runBare } from "../floors.ts";
import { type Case, timeEach } from "../harness.ts";
import { glovebox } from "../server.ts";

async function floors(count: number): Promise<number[]> {
  return timeEach(count, 2, async () => {
    await runBare([process.execPath, "-e", "0"]);
    await bareBubblewrapPython();
  });
}

/** The whole command `glovebox run hello.py` without a server, as a user's shell would wait for it. */
export const runHello: Case = {
  name: "command.run-hello",
  unit: "ms",
  target: { better: "lower", p50: 130 },
  async run() {
    const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
    try {
      const file = join(folder, "hello.py");
      await writeFile(file, 'print("hello")\n');
      const samples = await timeEach(40, 3, () => runBare([glovebox, "run", file]));
      return { samples, floor: { name: "node -e 0, then bare bwrap + python", samples: await floors(40) } };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** The same with an empty compile cache: what the first run after an installation costs. */
export const runHelloCold: Case = {
  name: "command.run-hello.cold",
  unit: "ms",
  target: { better: "lower", p50: 400 },
  async run() {
    const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
    try {
      const file = join(folder, "hello.py");
      await writeFile(file, 'print("hello")\n');
      const samples = await timeEach(8, 0, async (index) => {
        const cache = join(folder, `cache-${index}`);
        await runBare(["/usr/bin/env", `NODE_COMPILE_CACHE=${cache}`, glovebox, "run", file]);
      });
      return { samples, floor: { name: "node -e 0, then bare bwrap + python", samples: await floors(8) } };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
