import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SandboxConnection } from "../../core/index.ts";
import { connectAgent } from "./connect.ts";
import type { AgentConnection } from "./connection.ts";
import { encodeFrame, encodeOffsetFrame, FORWARD_STREAM, FORWARD_WINDOW_BYTES, FRAME } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";

/** An agent that lies about connections: what it says after LISTENING is the test's. */
let folder: string;
let server: Server;
let lies: Buffer[] = [];
/** What the host said about connections. */
let heard: string[] = [];
const sockets = new Set<Socket>();

function helloOk(caps: number): Buffer {
  const payload = Buffer.alloc(28);
  payload.writeUInt16LE(1, 0);
  payload.writeUInt32LE(caps, 4);
  payload.writeBigUInt64LE(1n, 16);
  return Buffer.concat([encodeFrame(FRAME.HELLO_OK, 0, payload), encodeFrame(FRAME.READY, 0)]);
}
const NAMES = new Map(Object.entries(FRAME).map(([name, type]) => [type as number, name]));

beforeEach(async () => {
  heard = [];
  folder = await mkdtemp(join(tmpdir(), "glovebox-liar-"));
  server = createServer((socket) => {
    sockets.add(socket);
    const decoder = new FrameDecoder();
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      for (const { type, id, payload } of decoder.push(chunk)) {
        if (type === FRAME.HELLO) socket.write(helloOk(16));
        else if (type === FRAME.LISTEN) socket.write(Buffer.concat([encodeFrame(FRAME.LISTENING, 0, u32(1)), ...lies]));
        else if (payload.length > 0) heard.push(`${NAMES.get(type)} ${id} ${payload.readUInt32LE()}`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

function u32(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(value);
  return payload;
}
function target(port: number, host: string, length = host.length): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(port, 0);
  head.writeUInt16LE(length, 2);
  return Buffer.concat([head, Buffer.from(host, "latin1")]);
}
const opened = (id: number, payload = u32(0)) => encodeFrame(FRAME.OPENED, id, payload);
const data = (id: number, offset: number, length: number) =>
  encodeOffsetFrame(FRAME.DATA, id, FORWARD_STREAM, offset, Buffer.alloc(length, "d"));
const eof = (id: number, end: number) => encodeOffsetFrame(FRAME.EOF, id, FORWARD_STREAM, end);
const ack = (id: number, offset: number) => encodeOffsetFrame(FRAME.ACK, id, FORWARD_STREAM, offset);
const closed = (id: number, errno = 0) => encodeFrame(FRAME.CLOSED, id, u32(errno));

async function listen(
  said: Buffer[],
  accept: (connection: SandboxConnection) => void = () => {},
): Promise<AgentConnection> {
  lies = said;
  const connection = await connectAgent({ socketPath: join(folder, "s"), epoch: 1n });
  await connection.forward(accept);
  return connection;
}

const LIES: Readonly<Record<string, Buffer[]>> = {
  "data of a connection that is not there": [data(1, 0, 1)],
  "an end of one that is not there": [eof(1, 0)],
  "an acknowledgement of one that is not there": [ack(1, 0)],
  "the end of one that is not there": [closed(1)],
  "a connection that is open already": [opened(1), opened(1)],
  "a connection that was there before": [opened(1), closed(1, 104), opened(1)],
  "connection 0": [opened(0)],
  "more connections than it may hold": Array.from({ length: 257 }, (_, i) => opened(i + 1)),
  "data that leaves a gap": [opened(1), data(1, 5, 1)],
  "data twice": [opened(1), data(1, 0, 1), data(1, 0, 1)],
  "empty data": [opened(1), data(1, 0, 0)],
  "data beyond the window": [opened(1), data(1, 0, FORWARD_WINDOW_BYTES), data(1, FORWARD_WINDOW_BYTES, 1)],
  "data after the end": [opened(1), data(1, 0, 1), eof(1, 1), data(1, 1, 1)],
  "an end in the wrong place": [opened(1), eof(1, 1)],
  "an end twice": [opened(1), eof(1, 0), eof(1, 0)],
  "bytes taken that were never sent": [opened(1), ack(1, 1)],
  "an offset beyond 2^53": [
    opened(1),
    encodeFrame(FRAME.ACK, 1, Buffer.from("ffffffffffffffff", "hex"), FORWARD_STREAM),
  ],
  "data after it closed": [opened(1), closed(1), data(1, 0, 1)],
  "a target cut off": [opened(1, Buffer.alloc(2))],
  "a target of another length": [opened(1, target(80, "a.example", 5))],
  "a target without a port": [opened(1, target(0, "a.example"))],
  "a target without a host": [opened(1, target(80, ""))],
  "a target that is no name": [opened(1, target(80, "a b"))],
  "a target in capitals": [opened(1, target(80, "A.example"))],
  "a target with an empty label": [opened(1, target(80, "a..b"))],
  "a target with a line in it": [opened(1, target(80, "a\r\nhost: b"))],
  "a target that is too long": [opened(1, target(80, `${"a.".repeat(127)}a`))],
  "flags on an opening": [encodeFrame(FRAME.OPENED, 1, u32(0), FORWARD_STREAM)],
  "listening that nobody asked for": [encodeFrame(FRAME.LISTENING, 0, u32(1)), encodeFrame(FRAME.LISTENING, 0, u32(1))],
  "a closing that is cut off": [opened(1), encodeFrame(FRAME.CLOSED, 1, Buffer.alloc(2))],
};

describe("an agent that lies about connections", () => {
  for (const [what, said] of Object.entries(LIES)) {
    it(`is found out by ${what}`, async () => {
      const streams: SandboxConnection[] = [];
      const connection = await listen(said, (made) => streams.push(made)).catch(() => undefined);
      if (connection) expect(await connection.closed).toMatchObject({ by: "protocol" });
      for (const { stream } of streams) await expect.poll(() => stream.destroyed).toBe(true);
    });
  }

  it("is found out when it opens one that nobody asked for", async () => {
    lies = [];
    const connection = await connectAgent({ socketPath: join(folder, "s"), epoch: 1n });
    for (const socket of sockets) socket.write(opened(1));
    expect(await connection.closed).toMatchObject({ by: "protocol" });
  });

  it("may name an address, or a name, and nothing for the proxy", async () => {
    const seen: SandboxConnection["target"][] = [];
    const frames = [opened(1), opened(2, target(443, "a-b_c.example")), opened(3, target(80, "2001:db8::1"))];
    const connection = await listen(frames, ({ target: where }) => seen.push(where));
    await expect
      .poll(() => seen)
      .toEqual([undefined, { host: "a-b_c.example", port: 443 }, { host: "2001:db8::1", port: 80 }]);
    await connection.close();
  });

  it("gets no credit while nobody reads, and holds little here, however small the pieces", async () => {
    const tiny = Array.from({ length: FORWARD_WINDOW_BYTES }, (_, i) => data(1, i, 1));
    const made = Promise.withResolvers<SandboxConnection>();
    const connection = await listen([opened(1), ...tiny, eof(1, tiny.length)], made.resolve);
    const { stream } = await made.promise;
    await connection.stats(AbortSignal.timeout(100)).catch(() => {});
    expect(heard.filter((line) => line.startsWith("ACK"))).toEqual([]);
    let pieces = 0;
    let bytes = 0;
    for await (const piece of stream) {
      pieces += 1;
      bytes += piece.length;
    }
    expect(bytes).toBe(FORWARD_WINDOW_BYTES);
    // How many come together depends on how busy the machine is: some ten, never one for each byte.
    expect(pieces).toBeLessThan(100);
    await connection.close();
  });

  it("gets no more than a window before it says that it was taken", async () => {
    const made = Promise.withResolvers<SandboxConnection>();
    const connection = await listen([opened(1)], made.resolve);
    const { stream } = await made.promise;
    stream.write(Buffer.alloc(FORWARD_WINDOW_BYTES + 1));
    await expect.poll(() => heard).toEqual(["DATA 1 0"]);
    for (const socket of sockets) socket.write(ack(1, 10));
    await expect.poll(() => heard).toEqual(["DATA 1 0", `DATA 1 ${FORWARD_WINDOW_BYTES}`]);
    await connection.close();
    expect(stream.destroyed).toBe(true);
  });

  it("says what it likes about a connection that was let go of, until it says that it is closed", async () => {
    const connection = await listen([opened(1)], ({ stream }) => stream.destroy());
    await expect.poll(() => heard).toEqual(["CLOSED 1 0"]);
    for (const socket of sockets) socket.write(Buffer.concat([data(1, 0, 9), eof(1, 9), closed(1), opened(2)]));
    await expect.poll(() => heard).toEqual(["CLOSED 1 0", "CLOSED 2 0"]);
    await connection.close();
    expect(await connection.closed).toEqual({ by: "host" });
  });

  it("hears once that what it closed is known to be closed", async () => {
    const connection = await listen([opened(1), closed(1, 104), opened(2), eof(2, 0)], ({ stream }) =>
      stream.resume().end(),
    );
    await expect.poll(() => heard).toEqual(["EOF 1 0", "CLOSED 1 0", "EOF 2 0"]);
    for (const socket of sockets) socket.write(closed(2));
    await expect.poll(() => heard).toEqual(["EOF 1 0", "CLOSED 1 0", "EOF 2 0", "CLOSED 2 0"]);
    await connection.close();
  });

  it("costs an owner that throws its connection, and nothing else", async () => {
    const connection = await listen([opened(1)], () => {
      throw new Error("no");
    });
    await expect.poll(() => heard).toEqual(["CLOSED 1 104"]);
    await connection.close();
  });

  it("can send anything after the greeting without more than the connection ending", async () => {
    const ids = fc.integer({ min: 0, max: 4 });
    const offsets = fc.constantFrom(0, 1, 100, FORWARD_WINDOW_BYTES);
    const frame = fc.oneof(
      ids.map((id) => opened(id)),
      fc
        .tuple(ids, offsets, fc.integer({ min: 0, max: 40_000 }))
        .map(([id, offset, length]) => data(id, offset, length)),
      fc.tuple(ids, offsets).map(([id, offset]) => eof(id, offset)),
      fc.tuple(ids, offsets).map(([id, offset]) => ack(id, offset)),
      fc.tuple(ids, fc.nat(200)).map(([id, errno]) => closed(id, errno)),
      fc.uint8Array({ maxLength: 60 }).map((payload) => opened(1, Buffer.from(payload))),
    );
    const owners = fc.constantFrom("reads", "waits", "writes", "destroys", "ends");
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 10 }), fc.boolean(), owners, async (frames, noise, owner) => {
        const made: SandboxConnection[] = [];
        const own = (connection: SandboxConnection) => {
          made.push(connection);
          const { stream } = connection;
          if (owner === "reads") stream.resume();
          if (owner === "writes") stream.write(Buffer.alloc(50_000));
          if (owner === "destroys") stream.destroy();
          if (owner === "ends") stream.end("x");
        };
        const connection = await listen([opened(1), ...frames, ...(noise ? [randomBytes(200)] : [])], own).catch(
          () => {},
        );
        await Promise.race([connection?.closed, new Promise((resolve) => setTimeout(resolve, 5))]);
        await connection?.close();
        for (const { stream } of made) {
          // Not destroyed is only what both sides had ended before.
          if (!stream.destroyed && !stream.writableFinished) throw new Error("a connection outlived the agent");
        }
      }),
      { numRuns: 200 },
    );
  });
});
