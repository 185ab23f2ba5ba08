import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS, newId } from "../../packages/glovebox/src/core/index.ts";
import { GvisorDriver } from "../../packages/glovebox/src/sandbox/gvisor/index.ts";
import type { Sandbox, SandboxProcess } from "../../packages/glovebox/src/sandbox/index.ts";
import { type BareRunsc, startBareRunsc } from "../floors-gvisor.ts";
import { type Case, timeEach } from "../harness.ts";

const ROUNDS = 12;
const WARM_UP = 2;

interface Stage {
  readonly driver: GvisorDriver;
  readonly bare: BareRunsc;
  readonly folder: string;
  spec(): Promise<Parameters<GvisorDriver["create"]>[0]>;
}

async function onStage<T>(work: (stage: Stage) => Promise<T>, waitingRestores = 0): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
  try {
    await using driver = new GvisorDriver({ runDir: join(folder, "run"), waiting: 1, waitingRestores });
    await using bare = await startBareRunsc(join(folder, "bare"));
    const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
    const limits = { cpus, memoryMb, pids, openFiles, diskMb };
    const spec = async () => {
      const workspaceDir = await mkdtemp(join(folder, "work-"));
      return { id: newId(), workspaceDir, limits, allowPartial: false, env: {}, languages: [] };
    };
    return await work({ driver, bare, folder, spec });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Times `ours` and `floor` in turns, so that both see the same machine. */
async function inTurns(ours: () => Promise<number>, floor: () => Promise<number>) {
  const samples: number[] = [];
  const bare: number[] = [];
  for (let i = -WARM_UP; i < ROUNDS; i += 1) {
    const ms = await ours();
    const bareMs = await floor();
    // Time for the waiting supervisor to be replaced, as between two calls of a real user.
    await new Promise((done) => setTimeout(done, 40));
    if (i < 0) continue;
    samples.push(ms);
    bare.push(bareMs);
  }
  return { samples, bare };
}

async function finish(process: SandboxProcess): Promise<void> {
  for await (const item of process.output()) if (item.kind === "exit") process.release();
}

const startTrue = (sandbox: Sandbox) => sandbox.spawn({ kind: "program", argv: ["/bin/true"], stdin: "null" });

/** Create, `true`, destroy: what the agent, the limits and the supervisor add to runsc. */
export const gvisorTrue: Case = {
  name: "gvisor.create.true",
  unit: "ms",
  run: () =>
    onStage(async ({ driver, bare, spec }) => {
      const once = async () => {
        const made = await spec();
        const begun = performance.now();
        await using sandbox = await driver.create(made);
        await finish(await startTrue(sandbox));
        return performance.now() - begun;
      };
      const { samples, bare: floor } = await inTurns(
        once,
        async () => (await timeEach(1, 0, () => bare.runTrue()))[0] ?? 0,
      );
      return { samples, floor: { name: "runsc run true", samples: floor } };
    }),
};

/** From a snapshot with a Python program in its memory to that program's first answer. */
const restoreToAnswer = (waitingRestores: number) =>
  onStage(async ({ driver, bare, folder, spec }) => {
    const dir = join(folder, "snapshot");
    {
      await using parent = await driver.create(await spec());
      const code = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)";
      await parent.spawn({ kind: "program", argv: ["/usr/bin/python3", "-c", code] });
      await parent.snapshot({ dir });
    }
    const once = async () => {
      const made = await spec();
      // Not beside what is measured, the floor included.
      await driver.settled();
      const begun = performance.now();
      await using sandbox = await driver.restore(dir, made);
      const [program] = sandbox.attached;
      if (!program) throw new Error("the program is gone");
      const answer = program.output()[Symbol.asyncIterator]().next();
      await Promise.all([program.write(Buffer.from("1\n")), answer]);
      return performance.now() - begun;
    };
    await bare.checkpointSleep();
    const floor = async () => {
      await driver.settled();
      return bare.restoreSleep();
    };
    const { samples, bare: floors } = await inTurns(once, floor);
    return { samples, floor: { name: "runsc restore", samples: floors } };
  }, waitingRestores);

/** With a runsc that waits for a checkpoint: after the first snapshot or restore of its kind. */
export const gvisorRestore: Case = {
  name: "gvisor.restore.answer",
  unit: "ms",
  target: { better: "lower", p50: 150 },
  run: () => restoreToAnswer(1),
};

/** With none: the first restore after a start of the server, a second one at the same time. */
export const gvisorRestoreUnprepared: Case = {
  name: "gvisor.restore.unprepared",
  unit: "ms",
  run: () => restoreToAnswer(0),
};

/** How long a sandbox stands still while its snapshot is taken: a checkpoint, a copy of the files, and a restore. */
export const gvisorSilence: Case = {
  name: "gvisor.fork.silence",
  unit: "ms",
  run: () =>
    onStage(async ({ driver, bare, spec }) => {
      await using parent = await driver.create(await spec());
      const once = async () => (await parent.fork([])).silentMs;
      const { samples, bare: floor } = await inTurns(
        once,
        async () => (await bare.checkpointSleep()) + (await bare.restoreSleep()),
      );
      return { samples, floor: { name: "runsc checkpoint, restore", samples: floor } };
    }),
};
