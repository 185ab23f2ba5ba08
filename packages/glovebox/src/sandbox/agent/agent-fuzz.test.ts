import { randomInt } from "node:crypto";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeFrame, encodeOffsetFrame, FORWARD_STREAM, FRAME } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { encodeHello, encodeLimits, encodeSpawn } from "./messages.ts";
import { finish, shell } from "./process-fixture.ts";
import { type BareAgent, startBareAgent } from "./testing.ts";

/** Longer runs: GLOVEBOX_FUZZ_FACTOR=20. */
const FACTOR = Number(process.env.GLOVEBOX_FUZZ_FACTOR ?? 1);

/** The real agent, built with sanitizers: any bad access ends it, and the test sees that. */
let agent: BareAgent;
let epoch = 1_000n;
beforeAll(async () => {
  agent = await startBareAgent({ sanitize: true, unprivileged: true, doors: true });
}, 120_000);
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

/** Sends bytes and waits until the agent hangs up or has had time to chew. */
function feed(bytes: Buffer, cut: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(agent.socketPath);
    const timer = setTimeout(() => socket.destroy(), 15);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.write(bytes.subarray(0, cut));
    socket.write(bytes.subarray(cut));
  });
}

async function expectItWorks(): Promise<void> {
  expect(agent.child.exitCode).toBeNull();
  expect(agent.child.signalCode).toBeNull();
  epoch += 1n;
  const { connectAgent } = await import("./connect.ts");
  const connection = await connectAgent({ socketPath: agent.socketPath, epoch });
  for (const held of connection.attached) {
    if (held.pid !== 0) await held.signal("SIGKILL", "tree");
    held.release();
  }
  expect((await finish(await connection.spawn(shell("echo works")))).stdout).toBe("works\n");
  await connection.close();
}

function hello(): Buffer {
  epoch += 1n;
  return encodeFrame(FRAME.HELLO, 0, encodeHello(epoch, 4096 + randomInt(300_000)));
}

const HARMLESS = Object.values(FRAME).filter((type) => type !== FRAME.POWEROFF && type !== FRAME.CLOCK);
const anyFrame = fc
  .tuple(fc.constantFrom(...HARMLESS, 0, 99, 65_535), fc.nat(5), fc.nat(6), fc.uint8Array({ maxLength: 120 }))
  .map(([type, flags, id, payload]) => encodeFrame(type, id, payload, flags));

const PATH = { PATH: "/usr/bin:/bin" };
const spawn = fc
  .record({
    flags: fc.nat(16),
    id: fc.integer({ min: 1, max: 6 }),
    argv: fc.constantFrom<readonly string[]>(
      ["sh", "-c", "cat; echo done"],
      ["sh", "-c", "yes | head -c 50000; sleep 1"],
      ["list", "r", "-1", "."],
      ["read", "w", "0", "-1", "x"],
      ["write", "a", "-", "x"],
      ["unpack", "."],
      ["nothing"],
      ["true"],
    ),
    tag: fc.string({ maxLength: 20 }),
    cwd: fc.constantFrom("", "/", "/none"),
  })
  .map(({ id, ...rest }) =>
    encodeFrame(FRAME.SPAWN, id, encodeSpawn({ ...rest, env: PATH, limits: { wallMs: 2000 } })),
  );
const attach = fc.nat(6).map((id) => encodeFrame(FRAME.ATTACH, id, Buffer.alloc(24)));
const input = fc
  .tuple(fc.nat(6), fc.constantFrom(0, 3), fc.nat(200), fc.uint8Array({ maxLength: 300 }))
  .map(([id, stream, offset, data]) => encodeOffsetFrame(FRAME.DATA, id, stream, offset % 3 === 0 ? 0 : offset, data));
const offsets = fc
  .tuple(fc.constantFrom(FRAME.ACK, FRAME.EOF), fc.nat(6), fc.nat(3), fc.nat(1000))
  .map(([type, id, stream, offset]) => encodeOffsetFrame(type, id, stream, offset));
const signal = fc.tuple(fc.nat(6), fc.nat(70), fc.nat(4)).map(([id, number, scope]) => {
  const payload = Buffer.alloc(8);
  payload.writeUInt32LE(number, 0);
  payload.writeUInt32LE(scope, 4);
  return encodeFrame(FRAME.SIGNAL, id, payload);
});
const limit = fc
  .tuple(fc.nat(6), fc.nat(50), fc.nat(50))
  .map(([id, wallMs, graceMs]) => encodeFrame(FRAME.LIMIT, id, encodeLimits({ wallMs, cpuMs: wallMs, graceMs })));
const plain = fc
  .tuple(fc.constantFrom(FRAME.FORGET, FRAME.STATS, FRAME.QUIESCE, FRAME.RESUME), fc.nat(6))
  .map(([type, id]) => encodeFrame(type, id));
const sensible = fc.oneof(spawn, spawn, attach, input, offsets, signal, limit, plain, anyFrame);

/** About connections: ids are those that the agent gives them, and credit and offsets are right now and then. */
const listen = fc.constant(encodeFrame(FRAME.LISTEN, 0));
const given = fc
  .tuple(fc.nat(4), fc.constantFrom(0, 0, 0, 1, 300), fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.boolean())
  .map(([id, offset, data, much]) => {
    const bytes = much ? Buffer.alloc(32_000, "m") : Buffer.from(data);
    return encodeOffsetFrame(FRAME.DATA, id, FORWARD_STREAM, offset, bytes);
  });
const taken = fc
  .tuple(fc.constantFrom(FRAME.ACK, FRAME.ACK, FRAME.EOF), fc.nat(4), fc.constantFrom(0, 5, 300, 32_768))
  .map(([type, id, offset]) => encodeOffsetFrame(type, id, FORWARD_STREAM, offset));
const closed = fc.tuple(fc.nat(4), fc.constantFrom(0, 104, 7)).map(([id, how]) => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(how);
  return encodeFrame(FRAME.CLOSED, id, payload);
});
const forwarding = fc.oneof(listen, given, given, taken, closed, plain, anyFrame);

/** A program that connects, speaks, and goes, one way or the other. */
function program(words: number, how: "end" | "reset" | "wait"): Socket {
  const socket = connect(agent.ports?.proxy ?? 0, "127.0.0.1");
  socket.on("error", () => {});
  if (how !== "wait") socket.resume();
  socket.write(Buffer.alloc(words * 1000));
  if (how === "end") socket.end();
  if (how === "reset") setImmediate(() => socket.resetAndDestroy());
  return socket;
}

/** Some bytes of `bytes` are changed, but never so that the agent is told to end or to set the machine's clock. */
function mutate(bytes: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const [at, value] of changes) copy[at % copy.length] = value;
  return asksForTrouble(copy) ? bytes : copy;
}

function asksForTrouble(bytes: Buffer): boolean {
  try {
    for (const { type } of new FrameDecoder().push(bytes)) {
      if (type === FRAME.POWEROFF || type === FRAME.CLOCK) return true;
    }
  } catch {
    // A length that ends the connection: what is before it was looked at.
  }
  return false;
}

describe("the agent, fed with anything", () => {
  it("takes bytes that are no greeting", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, cut) => feed(Buffer.from(bytes), cut)),
      { numRuns: 80 * FACTOR },
    );
    await expectItWorks();
  });

  it("takes any frames after the greeting", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 12 }), fc.nat(500), (frames, cut) =>
        feed(Buffer.concat([hello(), ...frames]), cut),
      ),
      { numRuns: 150 * FACTOR },
    );
    await expectItWorks();
  });

  it("takes conversations that nearly make sense, whole and damaged", async () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(sensible, { minLength: 1, maxLength: 25 }),
        changes,
        fc.nat(2000),
        (frames, some, cut) => feed(Buffer.concat([hello(), mutate(Buffer.concat(frames), some)]), cut),
      ),
      { numRuns: 250 * FACTOR },
    );
    await expectItWorks();
  });

  it("takes conversations about connections, while programs come and go", async () => {
    const visitor = fc.tuple(fc.nat(60), fc.constantFrom("end" as const, "reset" as const, "wait" as const));
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(visitor, { maxLength: 5 }),
        fc.array(forwarding, { minLength: 1, maxLength: 25 }),
        changes,
        fc.nat(2000),
        async (visitors, frames, some, cut) => {
          const talk = Buffer.concat([encodeFrame(FRAME.LISTEN, 0), ...frames]);
          const programs = visitors.map(([words, how]) => program(words, how));
          await feed(Buffer.concat([hello(), mutate(talk, some)]), cut);
          for (const socket of programs) socket.destroy();
        },
      ),
      { numRuns: 250 * FACTOR },
    );
    await expectItWorks();
  });

  it("takes a header that promises the most, and then nothing", async () => {
    const header = encodeFrame(FRAME.SPAWN, 1, Buffer.alloc(262_144)).subarray(0, 5000);
    await feed(Buffer.concat([hello(), header]), 100);
    const full = encodeFrame(FRAME.SPAWN, 1, Buffer.alloc(262_144, 1));
    await feed(Buffer.concat([hello(), full, full]), 262_150);
    await expectItWorks();
  });
});
