import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { type Running, startTourServer } from "./tour-server.ts";
import { expect, type Stop } from "./tour-stops.ts";

const PROGRAM = resolve(import.meta.dirname, "../examples/three-checks.ts");
/** Long enough that the server dies while the sandboxes are at work. */
const CODE = "import time\ntime.sleep(1)\nprint(6 * 7)";
const PATIENCE_MS = 60_000;

/** A durable run whose server is killed in the middle of its steps. The program is the one in `examples/`; this stop has a server for itself, to kill it. */
export const durableRun: Stop = {
  title: "a run whose server is killed goes on, and replays",
  async show() {
    const scratch = await mkdtemp(join(tmpdir(), "glovebox-tour-"));
    let server: Running | undefined;
    const start = async () => {
      const env = { GLOVEBOX_RUNS_PROGRAMS: PROGRAM };
      server = await startTourServer(["--data", scratch, "--port", "0"], undefined, env);
      return Glovebox.connect({ url: server.url, token: server.token });
    };
    try {
      const first = await start();
      const { run } = await first.runs.start({ program: "three-checks", input: { code: CODE, pauseMs: 10 } });
      await firstRecord(first, run.id, "tool.called");
      await server?.kill();
      const second = await start();
      await second.runs.signal(run.id, "release", { release: true });
      const { output } = await second.runs.wait(run.id, { signal: AbortSignal.timeout(PATIENCE_MS) });
      const { released, checks } = output as { released: boolean; checks: Record<string, { said: string }> };
      expect(released && checks.runs?.said === "42", `the run came to ${JSON.stringify(output)}`);
      const { resumes } = await second.runs.get(run.id);
      const { identical, records } = await second.runs.replay(run.id);
      expect(resumes === 1 && identical, `resumed ${resumes} times, identical: ${identical}`);
      return { text: `killed in its first steps, resumed, released; ${records} records replay identically` };
    } finally {
      await server?.stop();
      await rm(scratch, { recursive: true, force: true });
    }
  },
};

async function firstRecord(box: Glovebox, id: string, type: string): Promise<void> {
  for await (const record of box.runs.follow(id, { signal: AbortSignal.timeout(PATIENCE_MS) })) {
    if (record.type === type) return;
  }
  throw new Error(`the run ended without ${type}`);
}
