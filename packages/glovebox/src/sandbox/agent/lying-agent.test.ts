import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import type { SandboxProcess } from "../process.ts";
import { connectAgent } from "./connect.ts";
import type { AgentConnection } from "./connection.ts";
import { encodeFrame, encodeOffsetFrame, FRAME, type Frame, HEADER_BYTES } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";

/** An agent whose every answer is written by the test: the guest that lies. */
let folder: string;
let server: Server;
let answer: (frame: Frame, socket: Socket) => void;
const sockets = new Set<Socket>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-liar-"));
  server = createServer((socket) => {
    sockets.add(socket);
    const decoder = new FrameDecoder();
    socket.on("data", (chunk: Buffer) => {
      for (const frame of decoder.push(chunk)) answer(frame, socket);
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

const connect = (signal?: AbortSignal) =>
  connectAgent({ socketPath: join(folder, "s"), epoch: 1n, ...(signal === undefined ? {} : { signal }) });

function helloOk(epoch = 1n, processes = 0, version = 1): Buffer {
  const payload = Buffer.alloc(28);
  payload.writeUInt16LE(version, 0);
  payload.writeBigUInt64LE(7n, 8);
  payload.writeBigUInt64LE(epoch, 16);
  payload.writeUInt32LE(processes, 24);
  return encodeFrame(FRAME.HELLO_OK, 0, payload);
}
const ready = encodeFrame(FRAME.READY, 0);
const spawned = (id: number) => encodeFrame(FRAME.SPAWNED, id, Buffer.from([1, 2, 0, 0]));

/** Greets and starts honestly; then says `lies` about process 1 (and 2, which has a terminal). */
function liar(...lies: Buffer[]): void {
  answer = ({ type, id }, socket) => {
    if (type === FRAME.HELLO) socket.write(Buffer.concat([helloOk(), ready]));
    if (type === FRAME.SPAWN) socket.write(Buffer.concat([spawned(id), ...lies]));
  };
}

const spec = { argv: ["x"], env: {}, cwd: "/", stdin: "pipe", control: true } as const;

async function startOne(): Promise<{ connection: AgentConnection; process: SandboxProcess }> {
  const connection = await connect();
  return { connection, process: await connection.spawn(spec) };
}

function exitPayload(code: number, signal = 0, limit = 0): Buffer {
  const payload = Buffer.alloc(40);
  payload.writeInt32LE(code, 0);
  payload.writeInt32LE(signal, 4);
  payload.writeUInt32LE(limit, 8);
  return payload;
}
const data = (id: number, stream: number, offset: number, length: number) =>
  encodeOffsetFrame(FRAME.DATA, id, stream, offset, Buffer.alloc(length));
const eof = (id: number, stream: number, end: number) => encodeOffsetFrame(FRAME.EOF, id, stream, end);
const notice = (kind: number, action: number) => {
  const payload = Buffer.alloc(16);
  payload.writeUInt32LE(kind, 0);
  payload.writeUInt32LE(action, 4);
  return payload;
};
const window = [0, 1, 2, 3].map((i) => data(1, 1, i * 65_536, 65_536));

const LIES: Readonly<Record<string, Buffer[]>> = {
  "output of a process that is not there": [data(9, 1, 0, 1)],
  "output on a stream that is not there": [data(1, 0, 0, 1)],
  "output on stream 4": [data(1, 4, 0, 1)],
  "output that leaves a gap": [data(1, 1, 5, 1)],
  "output twice": [data(1, 1, 0, 1), data(1, 1, 0, 1)],
  "empty output": [data(1, 1, 0, 0)],
  "more output than the window": [...window, data(1, 1, 262_144, 1)],
  "output after its end": [eof(1, 1, 0), data(1, 1, 0, 1)],
  "an end where there is none": [eof(1, 1, 3)],
  "an end twice": [eof(1, 1, 0), eof(1, 1, 0)],
  "an offset beyond 2^53": [encodeFrame(FRAME.EOF, 1, Buffer.from("ffffffffffffffff", "hex"), 1)],
  "input taken that was never sent": [encodeOffsetFrame(FRAME.ACK, 1, 0, 10)],
  "an acknowledgement of an output": [encodeOffsetFrame(FRAME.ACK, 1, 1, 0)],
  "an exit while streams are open": [encodeFrame(FRAME.EXIT, 1, exitPayload(0))],
  "an exit twice": [
    eof(1, 1, 0),
    eof(1, 2, 0),
    eof(1, 3, 0),
    encodeFrame(FRAME.EXIT, 1, exitPayload(0)),
    encodeFrame(FRAME.EXIT, 1, exitPayload(0)),
  ],
  "an exit with both code and signal": [
    eof(1, 1, 0),
    eof(1, 2, 0),
    eof(1, 3, 0),
    encodeFrame(FRAME.EXIT, 1, exitPayload(3, 9)),
  ],
  "an exit for an unknown limit": [
    eof(1, 1, 0),
    eof(1, 2, 0),
    eof(1, 3, 0),
    encodeFrame(FRAME.EXIT, 1, exitPayload(-1, 9, 77)),
  ],
  "an unknown limit": [encodeFrame(FRAME.NOTICE, 1, notice(9, 1))],
  "an unknown action": [encodeFrame(FRAME.NOTICE, 1, notice(1, 3))],
  "endless notices": Array.from({ length: 100 }, () => encodeFrame(FRAME.NOTICE, 1, notice(1, 1))),
  "an answer to a start that was not asked for": [spawned(1)],
  "a failure of a start that was not asked for": [encodeFrame(FRAME.SPAWN_FAILED, 5, Buffer.alloc(4))],
  "an answer to a signal that was not sent": [encodeFrame(FRAME.SIGNALLED, 1, Buffer.alloc(8))],
  "statistics that nobody asked for": [encodeFrame(FRAME.STATS_OK, 0, Buffer.alloc(40))],
  "a pong without a ping": [encodeFrame(FRAME.PONG, 0, Buffer.alloc(8))],
  "a frame of the host": [encodeFrame(FRAME.SPAWN, 1, Buffer.alloc(40))],
  "a frame of the greeting": [ready],
  "an unknown frame": [encodeFrame(99, 0)],
  "flags where there are none": [encodeFrame(FRAME.EXIT, 1, exitPayload(0), 1)],
  "a payload that is too short": [encodeFrame(FRAME.EXIT, 1, Buffer.alloc(10))],
  "a payload that is too long": [encodeFrame(FRAME.ACK, 1, Buffer.alloc(9))],
  "a complaint": [encodeFrame(FRAME.ERROR, 0, Buffer.from("\0\0\0\0text"))],
};

describe("an agent that lies", () => {
  for (const [what, lies] of Object.entries(LIES)) {
    it(`is found out by ${what}`, async () => {
      liar(...lies);
      const { connection, process } = await startOne();
      expect(await connection.closed).toMatchObject({ by: "protocol" });
      await expect(connection.ping()).rejects.toMatchObject({ code: "unavailable" });
      await expect(process.write(Buffer.from("x"))).rejects.toThrow();
    });
  }

  it("is found out by a header that promises too much", async () => {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(0xfffffff0, 0);
    header.writeUInt16LE(FRAME.DATA, 4);
    liar(header);
    const { connection } = await startOne();
    expect(await connection.closed).toMatchObject({ by: "protocol" });
  });

  it("cannot make stderr of a terminal, or control of a process without", async () => {
    liar(data(1, 2, 0, 1));
    const first = await connect();
    await first.spawn({ ...spec, terminal: { rows: 1, columns: 1 } });
    expect(await first.closed).toMatchObject({ by: "protocol" });
    liar(data(1, 3, 0, 1));
    const second = await connect();
    await second.spawn({ ...spec, control: false });
    expect(await second.closed).toMatchObject({ by: "protocol" });
  });

  const greetings: Readonly<Record<string, Buffer[]>> = {
    "another version": [helloOk(1n, 0, 2), ready],
    "another epoch": [helloOk(2n), ready],
    "more processes than it may hold": [helloOk(1n, 100_000)],
    "fewer processes than announced": [helloOk(1n, 1), ready],
    "data first": [data(1, 1, 0, 1)],
    "ready first": [ready],
    "process 0": [helloOk(1n, 1), encodeFrame(FRAME.PROC, 0, Buffer.alloc(100))],
    "a process that is cut off": [helloOk(1n, 1), encodeFrame(FRAME.PROC, 1, Buffer.alloc(20))],
  };
  for (const [what, frames] of Object.entries(greetings)) {
    it(`is not believed a greeting with ${what}`, async () => {
      answer = (_frame, socket) => socket.write(Buffer.concat(frames));
      await expect(connect()).rejects.toMatchObject({ code: "unavailable" });
    });
  }

  it("may refuse, hang up, or say nothing", async () => {
    answer = (_frame, socket) => socket.write(encodeFrame(FRAME.ERROR, 0, Buffer.from("\x74\0\0\0stale")));
    await expect(connect()).rejects.toMatchObject({ code: "conflict" });
    answer = (_frame, socket) => socket.destroy();
    await expect(connect()).rejects.toMatchObject({ code: "unavailable" });
    answer = () => {};
    const abort = new AbortController();
    const waiting = connect(abort.signal);
    setTimeout(() => abort.abort(), 20);
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
    await expect(connect(AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
    const nobody = connectAgent({ socketPath: join(folder, "nobody"), epoch: 1n });
    await expect(nobody).rejects.toMatchObject({ code: "unavailable" });
  });

  it("holds at most a window of unread bytes here, however small the pieces", async () => {
    const tiny = Array.from({ length: 20_000 }, (_, i) => data(1, 1, i, 1));
    liar(...tiny);
    const { connection, process } = await startOne();
    await expect.poll(() => process.held.stdout.to).toBe(20_000);
    let items = 0;
    let bytes = 0;
    for await (const item of process.output()) {
      if (item.kind !== "output") break;
      expect(item.offset).toBe(bytes);
      items += 1;
      bytes += item.data.length;
      if (bytes === 20_000) break;
    }
    expect(items).toBeLessThan(20);
    await connection.close();
    expect(await connection.closed).toEqual({ by: "host" });
  });

  it("gets no further with files than an error", async () => {
    const line = (text: string) => [
      ...(text === "" ? [] : [encodeOffsetFrame(FRAME.DATA, 1, 1, 0, Buffer.from(text))]),
      eof(1, 1, text.length),
      eof(1, 2, 0),
      encodeFrame(FRAME.EXIT, 1, exitPayload(0)),
    ];
    for (const text of [
      "no json\n",
      "[]\n",
      '{"p":1}\n',
      '{"p":"x","k":"file","s":-1,"m":0,"t":0}\n',
      "",
      '{"p":"x","k":"door"}\n',
      "null\n",
    ]) {
      liar(...line(text));
      const connection = await connect();
      const code = await connection.files.stat("x").catch((error: unknown) => isGloveboxError(error) && error.code);
      expect(code, text).toBe("internal");
      await connection.close();
    }
    liar(...line('{"p":"a","k":"file","s":1,"m":1,"t":1}\n{"p":"b","k":"file","s":1,"m":1,"t":1}\n'));
    const connection = await connect();
    const listing = connection.files.list("x", { limit: 1 })[Symbol.asyncIterator]();
    await listing.next();
    await expect(listing.next()).rejects.toMatchObject({ code: "internal" });
  });

  it("can send anything after the greeting without more than the connection ending", async () => {
    const frame = fc
      .tuple(fc.constantFrom(...Object.values(FRAME), 0, 77), fc.nat(4), fc.nat(3), fc.uint8Array({ maxLength: 80 }))
      .map(([type, flags, id, payload]) => encodeFrame(type, id, payload, flags));
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 8 }), fc.boolean(), async (frames, noise) => {
        liar(...frames, ...(noise ? [randomBytes(200)] : []));
        const { connection, process } = await startOne();
        process.release();
        const listing = connection.stats().catch((error: unknown) => isGloveboxError(error));
        await Promise.race([connection.closed, new Promise((resolve) => setTimeout(resolve, 5))]);
        await connection.close();
        await listing;
      }),
      { numRuns: 150 },
    );
  });
});
