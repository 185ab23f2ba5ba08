import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeFrame, encodeOffsetFrame, FRAME } from "../../packages/glovebox/src/sandbox/agent/frame.ts";
import { connectAgent } from "../../packages/glovebox/src/sandbox/agent/index.ts";

/** What single lies bring is tested beside the client; here are floods, and how much of them the host keeps. */
const MIB = 1 << 20;
let folder: string;
let server: Server;
let onFrame: (type: number, id: number, socket: Socket) => void;
const sockets = new Set<Socket>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-flood-"));
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let held = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 12 && held.length >= 12 + held.readUInt32LE(0)) {
        const end = 12 + held.readUInt32LE(0);
        onFrame(held.readUInt16LE(4), held.readUInt32LE(8), socket);
        held = held.subarray(end);
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

const connect = () => connectAgent({ socketPath: join(folder, "s"), epoch: 1n });

function greeting(processes: number): Buffer {
  const payload = Buffer.alloc(28);
  payload.writeUInt16LE(1, 0);
  payload.writeBigUInt64LE(7n, 8);
  payload.writeBigUInt64LE(1n, 16);
  payload.writeUInt32LE(processes, 24);
  return encodeFrame(FRAME.HELLO_OK, 0, payload);
}

/** Sends `make(i)` for ever, as fast as it is taken. */
async function pour(socket: Socket, make: (i: number) => Buffer): Promise<void> {
  for (let i = 0; !socket.destroyed; i += 1) {
    if (!socket.write(make(i))) {
      await new Promise<void>((resolve) => {
        socket.once("drain", resolve);
        socket.once("close", resolve);
      });
    }
  }
}

const FLOODS: Readonly<Record<string, (i: number) => Buffer>> = {
  "a list of processes without end": (i) => encodeFrame(FRAME.PROC, (i + 1) >>> 0, Buffer.alloc(110)),
  "one process again and again": () => encodeFrame(FRAME.PROC, 1, Buffer.alloc(110)),
  "the largest frames of noise": () => Buffer.alloc(MIB, 7),
  "greetings without end": () => greeting(4096),
};

test.each(Object.entries(FLOODS))("an agent that answers the greeting with %s is left", async (_name, make) => {
  const before = process.memoryUsage.rss();
  onFrame = (_type, _id, socket) => {
    socket.write(greeting(4096));
    void pour(socket, make);
  };
  await expect(connect()).rejects.toMatchObject({ code: "unavailable" });
  expect(process.memoryUsage.rss() - before).toBeLessThan(96 * MIB);
});

test("an agent that drips its greeting byte by byte is not waited for without end", { timeout: 30_000 }, async () => {
  onFrame = (_type, _id, socket) => {
    const bytes = greeting(0);
    let at = 0;
    const timer = setInterval(() => {
      if (socket.destroyed || at >= 20) return clearInterval(timer);
      socket.write(bytes.subarray(at, at + 1));
      at += 1;
    }, 20);
  };
  await expect(connect()).rejects.toMatchObject({ code: "unavailable" });
});

test("output that is never read stops at the window, and one byte more ends the connection", async () => {
  const before = process.memoryUsage.rss();
  onFrame = (type, id, socket) => {
    if (type === FRAME.HELLO) socket.write(Buffer.concat([greeting(0), encodeFrame(FRAME.READY, 0)]));
    if (type !== FRAME.SPAWN) return;
    socket.write(encodeFrame(FRAME.SPAWNED, id, Buffer.from([1, 2, 0, 0])));
    void pour(socket, (i) => encodeOffsetFrame(FRAME.DATA, id, 1, i * 65_536, Buffer.alloc(65_536)));
  };
  const connection = await connect();
  await connection.spawn({ argv: ["x"], env: {}, cwd: "/", stdin: "pipe", control: false });
  expect(await connection.closed).toMatchObject({ by: "protocol" });
  expect(process.memoryUsage.rss() - before).toBeLessThan(96 * MIB);
});
