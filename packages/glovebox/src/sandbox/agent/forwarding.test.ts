import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SandboxConnection } from "../../core/index.ts";
import type { AgentConnection } from "./connection.ts";
import { finish, shell } from "./process-fixture.ts";
import { type BareAgent, startBareAgent } from "./testing.ts";

const run = promisify(execFile);

/** The real agent, with its sanitizers; the test is both the program that connects and the host that serves. */
let agent: BareAgent;
let host: AgentConnection;
let accepted: SandboxConnection[];
beforeEach(async () => {
  agent = await startBareAgent({ sanitize: true, unprivileged: true, doors: true });
  host = await agent.connect();
  accepted = [];
  await host.forward((connection) => accepted.push(connection));
}, 120_000);
afterEach(() => agent[Symbol.asyncDispose]());

const programs = new Set<Socket>();
afterEach(() => {
  for (const program of programs) program.destroy();
  programs.clear();
});

function dial(port = agent.ports?.proxy ?? 0): Socket {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  programs.add(socket);
  return socket;
}

/** A program's connection and the host's end of it. */
async function pair(): Promise<{ program: Socket; stream: Duplex }> {
  const before = accepted.length;
  const program = dial();
  await expect.poll(() => accepted.length, { interval: 2 }).toBe(before + 1);
  return { program, stream: accepted[before]?.stream as Duplex };
}

const ended = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));
const sha = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

describe("a connection of a program", () => {
  it("carries bytes both ways, each end ending by itself", async () => {
    const { program, stream } = await pair();
    expect(accepted[0]?.target).toBeUndefined();
    program.end("question");
    expect(String(await buffer(stream))).toBe("question");
    stream.write("ans");
    stream.end("wer");
    expect(String(await buffer(program))).toBe("answer");
    const second = await pair();
    second.stream.end("first");
    expect(String(await buffer(second.program))).toBe("first");
    second.program.end("afterwards");
    expect(String(await buffer(second.stream))).toBe("afterwards");
  });

  it("carries much in both directions at once, intact", { timeout: 120_000 }, async () => {
    const { program, stream } = await pair();
    const there = randomBytes(8 << 20);
    const back = randomBytes(8 << 20);
    program.end(there);
    stream.end(back);
    const [came, returned] = await Promise.all([buffer(stream), buffer(program)]);
    expect([sha(came), sha(returned)]).toEqual([sha(there), sha(back)]);
  });

  it("carries whatever is written, cut as it may be", { timeout: 60_000 }, async () => {
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 9000 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(pieces, pieces, fc.boolean(), async (there, back, paused) => {
        const { program, stream } = await pair();
        for (const piece of there) program.write(piece);
        program.end();
        for (const piece of back) stream.write(piece);
        stream.end();
        if (paused) await host.ping();
        const [came, returned] = await Promise.all([buffer(stream), buffer(program)]);
        expect(came.equals(Buffer.concat(there))).toBe(true);
        expect(returned.equals(Buffer.concat(back))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it("that nobody reads here holds its program up, and nothing else", async () => {
    const { program, stream } = await pair();
    let taken = 0;
    const piece = Buffer.alloc(65_536);
    const more = () => {
      while (program.write(piece, () => (taken += piece.length)));
    };
    program.on("drain", more);
    more();
    // The agent takes one window; the rest is the kernel's to hold, which is bounded by itself.
    await expect.poll(() => stuck(() => taken)).toBe(true);
    expect(stream.readableLength).toBeLessThanOrEqual(32_768);
    expect((await finish(await host.spawn(shell("seq 1 30000 | tail -n 1")))).stdout).toBe("30000\n");
    stream.destroy();
  });

  it("whose program does not read holds its writer up", async () => {
    const { program, stream } = await pair();
    program.pause();
    let taken = 0;
    const piece = Buffer.alloc(65_536);
    const more = () => {
      while (stream.write(piece, () => (taken += piece.length)));
    };
    stream.on("drain", more);
    more();
    await expect.poll(() => stuck(() => taken)).toBe(true);
    expect((await finish(await host.spawn(shell("seq 1 30000 | tail -n 1")))).stdout).toBe("30000\n");
    stream.destroy(new Error("enough"));
    program.resume();
    await ended(program);
  });

  it("ends for its program when the host lets go of it, after what was written before", async () => {
    const { program, stream } = await pair();
    stream.write(Buffer.alloc(30_000, "x"));
    stream.destroy();
    expect((await buffer(program)).length).toBe(30_000);
    const second = await pair();
    second.stream.destroy(new Error("no"));
    await expect(buffer(second.program)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("breaks for the host when its program resets it", async () => {
    const { program, stream } = await pair();
    const broken = once(stream, "error");
    program.resetAndDestroy();
    expect(await broken).toMatchObject([{ code: "unavailable" }]);
    const second = await pair();
    const failing = once(second.stream, "error");
    second.program.destroy();
    const writing = setInterval(() => second.stream.write("anybody?"), 2);
    expect(await failing).toMatchObject([{ code: "unavailable" }]);
    clearInterval(writing);
  });
});

/** Whether a count stays the same for a while. */
async function stuck(count: () => number): Promise<boolean> {
  const before = count();
  await new Promise((resolve) => setTimeout(resolve, 60));
  return before === count();
}

describe("many connections", () => {
  it("are taken up to a bound, and the others when there is room again", { timeout: 60_000 }, async () => {
    const all = Array.from({ length: 300 }, () => dial());
    await expect.poll(() => accepted.length).toBe(256);
    expect((await finish(await host.spawn(shell("echo still")))).stdout).toBe("still\n");
    expect(accepted.length).toBe(256);
    for (const { stream } of accepted.slice(0, 100)) stream.destroy();
    for (const program of all) program.end();
    await expect.poll(() => accepted.length).toBe(300);
    for (const { stream } of accepted) stream.destroy();
  });

  it("wait while the agent has no descriptor left, and are taken when it has", async () => {
    // Of our own uid, whose limits we may set.
    await using own = await startBareAgent({ doors: true });
    const { pid } = own.child;
    const connection = await own.connect();
    await connection.forward((made) => accepted.push(made));
    await run("prlimit", ["--pid", String(pid), "--nofile=4:"]);
    const program = dial(own.ports?.proxy);
    program.end("patient");
    await once(program, "connect");
    for (let i = 0; i < 10; i += 1) await connection.ping();
    expect(accepted).toEqual([]);
    await run("prlimit", ["--pid", String(pid), "--nofile=512:"]);
    await expect.poll(() => accepted.length).toBe(1);
    expect(String(await buffer(accepted[0]?.stream as Duplex))).toBe("patient");
  });

  it("that come and go by the thousand leave nothing", { timeout: 60_000 }, async () => {
    const last = Promise.withResolvers<void>();
    await host.forward(({ stream }) => {
      stream.on("data", (data) => String(data) === "last" && last.resolve());
      stream.on("end", () => stream.end());
    });
    for (let i = 0; i < 1500; i += 100) {
      const some = Array.from({ length: 100 }, () => dial());
      await Promise.all(some.map((program) => once(program, "connect")));
      for (const program of some) program.resetAndDestroy();
    }
    dial().end("last");
    await last.promise;
    expect((await finish(await host.spawn(shell("echo still")))).stdout).toBe("still\n");
  });
});

describe("a host that goes", () => {
  it("takes the connections with it, and the next one gets new ones", async () => {
    const { program, stream } = await pair();
    const gone = once(stream, "error");
    const reset = once(program, "error");
    await host.close();
    expect(await gone).toMatchObject([{ code: "unavailable" }]);
    expect(await reset).toMatchObject([{ code: "ECONNRESET" }]);
    const meanwhile = dial();
    await ended(meanwhile);
    host = await agent.connect();
    const still = dial();
    await ended(still);
    accepted = [];
    await host.forward((connection) => accepted.push(connection));
    await host.forward((connection) => accepted.push(connection));
    const again = await pair();
    again.program.end("new");
    expect(String(await buffer(again.stream))).toBe("new");
  });

  it("finds an agent without sockets to forward nothing", async () => {
    await using bare = await startBareAgent({ unprivileged: true });
    const connection = await bare.connect();
    await expect(connection.forward(() => {})).rejects.toMatchObject({ code: "not_supported_by_isolation" });
    await connection.ping();
  });
});

describe("what is redirected", () => {
  it("is never something on the loopback", async () => {
    const program = dial(agent.ports?.redirect);
    await ended(program);
    expect(accepted).toEqual([]);
  });
});

/** The wire form of a question. */
function question(name: string, type = 1, kind = 1): Buffer {
  const labels = name.split(".").flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  const tail = Buffer.from([0, type >> 8, type & 255, 0, kind]);
  return Buffer.concat([Buffer.from("abcd01000001000000000000", "hex"), ...labels, tail]);
}

async function ask(message: Buffer): Promise<Buffer> {
  const socket = createSocket("udp4");
  try {
    socket.send(message, agent.ports?.names ?? 0, "127.0.0.1");
    const [answer] = await once(socket, "message", { signal: AbortSignal.timeout(5000) });
    return answer;
  } finally {
    socket.close();
  }
}
const addressIn = (answer: Buffer) => [...answer.subarray(-4)].join(".");
const codeOf = (answer: Buffer) => answer.readUInt8(3) & 15;

describe("the resolver", () => {
  it("gives every name an address of its own, whatever its case", async () => {
    const one = await ask(question("api.example.com"));
    expect(one.subarray(0, 2).toString("hex")).toBe("abcd");
    expect(one.readUInt16BE(6)).toBe(1);
    expect(addressIn(one)).toMatch(/^198\.18\.\d+\.\d+$/);
    expect(addressIn(await ask(question("API.Example.com")))).toBe(addressIn(one));
    expect(addressIn(await ask(question("other.example.com")))).not.toBe(addressIn(one));
    expect(addressIn(await ask(question("x.localhost")))).toBe("127.0.0.1");
    expect((await ask(question("api.example.com", 28))).readUInt16BE(6)).toBe(0);
  });

  it("answers nothing else", async () => {
    for (const type of [15, 16, 65, 255, 257]) expect(codeOf(await ask(question("a.b", type)))).toBe(4);
    expect(codeOf(await ask(question("a.b", 1, 3)))).toBe(4);
    for (const bad of ["a b", "a/b", "a\0b", "é", ""]) expect(codeOf(await ask(question(bad)))).toBe(1);
    const long = Array.from({ length: 5 }, () => "a".repeat(60)).join(".");
    expect(codeOf(await ask(question(long)))).toBe(1);
    const pointer = Buffer.concat([question("a").subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
    expect(codeOf(await ask(pointer))).toBe(1);
    const opcode = question("a.b");
    opcode[2] = 0x28;
    expect(codeOf(await ask(opcode))).toBe(4);
  });

  it("lives on, whatever it is sent", async () => {
    const socket = createSocket("udp4");
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), fc.boolean(), async (bytes, headed) => {
        const message = headed ? Buffer.concat([question("a").subarray(0, 12), bytes]) : Buffer.from(bytes);
        await new Promise((sent) => socket.send(message, agent.ports?.names ?? 0, "127.0.0.1", sent));
      }),
      { numRuns: 500 },
    );
    socket.close();
    expect(codeOf(await ask(question("still.there")))).toBe(0);
    expect(agent.child.exitCode).toBeNull();
  });

  it("forgets the oldest of too many", { timeout: 60_000 }, async () => {
    const first = addressIn(await ask(question("n0")));
    for (let i = 1; i <= 4096; i += 1) await ask(question(`n${i}`));
    expect(addressIn(await ask(question("n4096")))).not.toBe(first);
    expect(addressIn(await ask(question("n0")))).not.toBe(first);
  });
});
