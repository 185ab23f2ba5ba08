import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newLineKey, openLine } from "./serial-line.ts";

let folder: string;
let server: Server;
let guest: (socket: Socket) => void;
const sockets = new Set<Socket>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-line-"));
  server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    guest(socket);
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

const never = new AbortController().signal;
function dial(): Socket {
  const socket = connect(join(folder, "s"));
  sockets.add(socket.on("error", () => {}));
  return socket;
}

test("a key can be searched for from its first byte on", () => {
  for (let i = 0; i < 500; i += 1) {
    const key = newLineKey();
    expect(key).toHaveLength(16);
    expect(key.indexOf(key[0] ?? 0, 1)).toBe(-1);
  }
});

test("what the line still held is dropped, and not a byte of what follows the word, however it is cut", async () => {
  const property = fc.asyncProperty(
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 0, max: 15 }),
    async (stale, fresh, cut, begun) => {
      const key = newLineKey();
      let heard = Buffer.alloc(0);
      guest = (socket) =>
        socket.on("data", (data: Buffer) => {
          heard = Buffer.concat([heard, data]);
          if (heard.length !== 32) return;
          const word = heard.subarray(16);
          // The beginning of the word may be among what is stale.
          const all = Buffer.concat([stale, word.subarray(0, begun), Buffer.of((word[begun] ?? 0) ^ 1), word, fresh]);
          for (let at = 0; at < all.length; at += cut) socket.write(all.subarray(at, at + cut));
        });
      const socket = dial();
      await openLine(socket, key, never);
      expect(heard.subarray(0, 16)).toEqual(key);
      const got: Buffer[] = [];
      await new Promise<void>((resolve) => {
        socket.on("data", (data: Buffer) => {
          got.push(data);
          if (Buffer.concat(got).length >= fresh.length) resolve();
        });
        socket.resume();
      });
      expect(Buffer.concat(got)).toEqual(Buffer.from(fresh));
      socket.destroy();
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

test("a guest that pours without the word, leaves, or says nothing is not heard out", async () => {
  guest = (socket) => {
    const pour = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 7)));
      socket.once("drain", pour);
    };
    pour();
  };
  const before = process.memoryUsage.rss();
  await expect(openLine(dial(), newLineKey(), never)).rejects.toMatchObject({ code: "internal" });
  expect(process.memoryUsage.rss() - before).toBeLessThan(96 << 20);
  guest = (socket) => socket.end("some");
  await expect(openLine(dial(), newLineKey(), never)).rejects.toMatchObject({ code: "unavailable" });
  guest = () => {};
  await expect(openLine(dial(), newLineKey(), AbortSignal.timeout(50))).rejects.toMatchObject({ code: "unavailable" });
});
