import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import type { OutputStream, ProcessExit, SandboxProcess } from "../process.ts";
import { connectAgent } from "./connect.ts";
import { finish, python, shell } from "./process-fixture.ts";
import { type BareAgent, startBareAgent } from "./testing.ts";

let agent: BareAgent;
beforeEach(async () => {
  agent = await startBareAgent();
});
afterEach(async () => {
  await agent[Symbol.asyncDispose]();
});

/** Writes numbered lines of uneven length to stdout, stderr and control, pausing now and then. */
const WRITER = `
import os, random, time
random.seed(7)
for i in range(4000):
    os.write((1, 2, 4)[i % 3], b'%d:%s\\n' % (i, b'x' * random.randrange(400)))
    if i % 500 == 0: time.sleep(0.005)
`;

function expectedBytes(): Promise<string> {
  const toFile = WRITER.replaceAll("os.write(", "out(");
  const prelude = "parts = {1: [], 2: [], 4: []}\ndef out(fd, data): parts[fd].append(data)\n";
  const epilogue = "import hashlib\nprint(' '.join(hashlib.sha256(b''.join(p)).hexdigest() for p in parts.values()))";
  return agent
    .connect()
    .then(async (connection) =>
      (await finish(await connection.spawn(python(prelude + toFile + epilogue)))).stdout.trim(),
    );
}

async function digest(pieces: Readonly<Record<OutputStream, Buffer[]>>): Promise<string> {
  const { createHash } = await import("node:crypto");
  const one = (stream: OutputStream) => createHash("sha256").update(Buffer.concat(pieces[stream])).digest("hex");
  return [one("stdout"), one("stderr"), one("control")].join(" ");
}

/** A host that has committed some output: what it keeps when it dies. */
interface Committed {
  readonly pieces: Record<OutputStream, Buffer[]>;
  readonly offsets: Record<OutputStream, number>;
}

/** Reads on, committing each chunk; some is acknowledged in part only. Stops after `most` chunks. */
async function readSome(process: SandboxProcess, kept: Committed, most: number): Promise<ProcessExit | undefined> {
  let count = 0;
  for await (const item of process.output()) {
    if (item.kind === "exit") return item.exit;
    if (item.kind !== "output") continue;
    if (item.offset !== kept.offsets[item.stream]) throw new Error(`${item.stream}: a gap or a repetition`);
    kept.pieces[item.stream].push(Buffer.from(item.data));
    kept.offsets[item.stream] = item.offset + item.data.length;
    count += 1;
    process.ack(item.stream, item.offset + Math.ceil(item.data.length / (1 + (count % 3))));
    if (count >= most) return undefined;
  }
  return undefined;
}

describe("a host that dies and comes back", () => {
  it("finds every byte once, wherever it was cut off", async () => {
    const expected = await expectedBytes();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 12 }), async (cuts) => {
        const kept: Committed = {
          pieces: { stdout: [], stderr: [], control: [] },
          offsets: { stdout: 0, stderr: 0, control: 0 },
        };
        let connection = await agent.connect({ window: 16_384 });
        let process: SandboxProcess | undefined = await connection.spawn(python(WRITER, { control: true, tag: "w" }));
        const { id } = process;
        let exit: ProcessExit | undefined;
        for (let i = 0; exit === undefined; i += 1) {
          exit = await readSome(process, kept, cuts[i] ?? Number.POSITIVE_INFINITY);
          if (exit !== undefined) break;
          if (i % 2 === 0) await connection.close();
          connection = await agent.connect({ window: i % 3 === 0 ? 65_536 : 16_384 });
          process = connection.attached.find((held) => held.id === id);
          if (process === undefined) throw new Error("the agent lost the process");
          expect(process.tag).toBe("w");
          process.resumeFrom(kept.offsets);
        }
        process.release();
        expect(exit.code).toBe(0);
        expect(await digest(kept.pieces)).toBe(expected);
      }),
      { numRuns: 12 },
    );
  });

  it("gets the exit again and again until it lets go of it", async () => {
    const first = await agent.connect();
    const process = await first.spawn(shell("echo out; echo err >&2; exit 3", { tag: "répété" }));
    const { id } = process;
    await finishWithoutRelease(process);
    for (let i = 0; i < 3; i += 1) {
      const connection = await agent.connect();
      const held = connection.attached.find((candidate) => candidate.id === id);
      expect(held?.tag).toBe("répété");
      expect(held?.held.stdout).toEqual({ from: 0, to: 4 });
      if (i === 2) held?.release();
      else expect(await finishWithoutRelease(held)).toBe("out\nerr\nexit 3");
    }
    const last = await agent.connect();
    expect(last.attached.length).toBe(0);
    expect((await last.spawn(shell("true"))).id).toBeGreaterThan(0);
  });

  it("goes on writing input where the agent stands", async () => {
    const first = await agent.connect();
    const cat = await first.spawn(shell("sleep 0.3; cat", { stdin: "pipe" }));
    const lost = cat.write(Buffer.alloc(200_000, "a")).catch((error: unknown) => isGloveboxError(error, "unavailable"));
    await sleep(50);
    await first.close();
    expect(await lost).toBe(true);
    const second = await agent.connect();
    const held = second.attached.find((candidate) => candidate.id === cat.id);
    if (held === undefined) throw new Error("lost");
    const done = finish(held);
    await held.write(Buffer.alloc(100_000, "b"));
    await held.closeStdin();
    const { stdout } = await done;
    expect(stdout).toMatch(/^a+b+$/);
    expect(stdout.length - stdout.indexOf("b")).toBe(100_000);
  });

  it("finds limits enforced and output held back meanwhile", async () => {
    const first = await agent.connect();
    const process = await first.spawn(shell("yes", { limits: { wallMs: 150 } }));
    await first.close();
    await sleep(300);
    const second = await agent.connect();
    const held = second.attached.find((candidate) => candidate.id === process.id);
    expect(held?.pid).toBe(0);
    expect(held?.held.stdout.to).toBe(262_144);
    if (held === undefined) return;
    const done = await finish(held);
    expect(done.exit).toMatchObject({ signal: "SIGKILL", limit: "wall" });
    expect(done.limits).toEqual(["wall killed"]);
  });

  it("is replaced only by a higher epoch", async () => {
    const current = await agent.connect();
    const stale = connectAgent({ socketPath: agent.socketPath, epoch: 1n });
    await expect(stale).rejects.toMatchObject({ code: "conflict" });
    await current.ping();
    const next = await agent.connect();
    expect(await current.closed).toMatchObject({ by: "agent" });
    expect(next.bootId).toBe(current.bootId === 0n ? next.bootId : current.bootId);
    await expect(current.ping()).rejects.toMatchObject({ code: "unavailable" });
    await expect(current.spawn(shell("true"))).rejects.toMatchObject({ code: "unavailable" });
  });

  it("drops the file work of the connection before", async () => {
    const first = await agent.connect();
    const watching = first.files.watch(".")[Symbol.asyncIterator]().next();
    watching.catch(() => {});
    await sleep(50);
    await first.close();
    const second = await agent.connect();
    expect(second.attached.length).toBe(0);
    await expect.poll(async () => (await second.stats()).pids).toBe(0);
    const third = await agent.connect();
    expect(third.attached.length).toBe(0);
  });

  it("cannot resume before what was acknowledged or beyond what is held", async () => {
    const first = await agent.connect();
    const process = await first.spawn(shell("echo 12345; sleep 30"));
    const item = (await process.output()[Symbol.asyncIterator]().next()).value;
    expect(item).toMatchObject({ kind: "output" });
    process.ack("stdout", 3);
    await first.ping();
    const second = await agent.connect();
    const held = second.attached.find((candidate) => candidate.id === process.id);
    if (held === undefined) throw new Error("lost");
    expect(held.held.stdout).toEqual({ from: 3, to: 6 });
    expect(() => held.resumeFrom({ stdout: 2 })).toThrow("cannot be resumed");
    expect(() => held.resumeFrom({ stdout: 7 })).toThrow("cannot be resumed");
    expect(() => held.resumeFrom({ control: 1 })).toThrow("cannot be resumed");
    const { value } = await held.output()[Symbol.asyncIterator]().next();
    expect(value?.kind === "output" ? Buffer.from(value.data).toString() : value).toBe("45\n");
    await held.signal("SIGKILL");
    held.release();
  });
});

async function finishWithoutRelease(process: SandboxProcess | undefined): Promise<string> {
  let text = "";
  for await (const item of process?.output() ?? []) {
    if (item.kind === "output") text += Buffer.from(item.data).toString();
    if (item.kind === "exit") text += `exit ${item.exit.code}`;
  }
  return text;
}
