import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encodeFrame, encodeOffsetFrame, FORWARD_STREAM, FORWARD_WINDOW_BYTES, FRAME, type Frame } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { encodeHello } from "./messages.ts";
import { type BareAgent, startBareAgent } from "./testing.ts";

/** The agent is held to the document by raw frames about connections; built with its sanitizers. */
let agent: BareAgent;
let epoch = 0n;
const sockets = new Set<Socket>();
beforeAll(async () => {
  agent = await startBareAgent({ sanitize: true, unprivileged: true, doors: true });
}, 120_000);
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});
afterAll(() => agent[Symbol.asyncDispose]());

interface RawHost {
  readonly frames: Frame[];
  readonly socket: Socket;
  ended(): boolean;
}

function track(socket: Socket): Socket {
  sockets.add(socket);
  return socket.on("error", () => {});
}

async function greet(...first: Buffer[]): Promise<RawHost> {
  const socket = track(connect(agent.socketPath));
  const frames: Frame[] = [];
  const decoder = new FrameDecoder();
  let over = false;
  socket.on("close", () => {
    over = true;
  });
  socket.on("data", (chunk: Buffer) => {
    for (const frame of decoder.push(chunk)) frames.push({ ...frame, payload: Buffer.from(frame.payload) });
  });
  epoch += 1n;
  socket.write(Buffer.concat([encodeFrame(FRAME.HELLO, 0, encodeHello(epoch, 262_144)), ...first]));
  await expect.poll(() => frames.some(({ type }) => type === FRAME.READY), { interval: 2 }).toBe(true);
  return { frames, socket, ended: () => over };
}

const listen = encodeFrame(FRAME.LISTEN, 0);
const data = (id: number, offset: number, length: number) =>
  encodeOffsetFrame(FRAME.DATA, id, FORWARD_STREAM, offset, Buffer.alloc(length));
const frame = (type: number, id: number, offset: number) => encodeOffsetFrame(type, id, FORWARD_STREAM, offset);
const closed = (id: number, how = 0) => encodeFrame(FRAME.CLOSED, id, Buffer.from([how, 0, 0, 0]));

/** A listening host with one connection, which has id 1. */
async function withOne(): Promise<RawHost & { readonly program: Socket }> {
  const host = await greet(listen);
  const program = track(connect(agent.ports?.proxy ?? 0, "127.0.0.1"));
  await expect.poll(() => host.frames.some(({ type }) => type === FRAME.OPENED), { interval: 2 }).toBe(true);
  return { ...host, program };
}
const bytesOf = ({ frames }: RawHost) =>
  frames
    .filter(({ type, flags }) => type === FRAME.DATA && flags === FORWARD_STREAM)
    .reduce((sum, { payload }) => sum + payload.length - 8, 0);

const WRONG: Readonly<Record<string, Buffer[]>> = {
  "data of a connection that never was": [data(2, 0, 1)],
  "a closing of one that never was": [closed(2)],
  "a closing twice": [closed(1, 1), closed(1, 1)],
  "data after a closing": [closed(1), data(1, 0, 1)],
  "connection 0": [frame(FRAME.EOF, 0, 0)],
  "data that leaves a gap": [data(1, 1, 1)],
  "empty data": [data(1, 0, 0)],
  "data after the end": [frame(FRAME.EOF, 1, 0), data(1, 0, 1)],
  "an end in the wrong place": [frame(FRAME.EOF, 1, 7)],
  "an acknowledgement of what was never sent": [frame(FRAME.ACK, 1, 1)],
  "more than the window in one piece": [data(1, 0, FORWARD_WINDOW_BYTES + 1)],
  "an acknowledgement that is too long": [encodeFrame(FRAME.ACK, 1, Buffer.alloc(9), FORWARD_STREAM)],
  "a closing that is cut off": [encodeFrame(FRAME.CLOSED, 1, Buffer.alloc(3))],
  "a listening with something to it": [encodeFrame(FRAME.LISTEN, 0, Buffer.alloc(1))],
  "a listening for one connection": [encodeFrame(FRAME.LISTEN, 1)],
  "an opening": [encodeFrame(FRAME.OPENED, 2, Buffer.alloc(4))],
};

describe("the agent", () => {
  for (const [what, frames] of Object.entries(WRONG)) {
    it(`hangs up on ${what}, and ends its connections`, async () => {
      const host = await withOne();
      const gone = new Promise<void>((resolve) => host.program.once("close", () => resolve()));
      host.socket.write(Buffer.concat(frames));
      await expect.poll(() => host.ended()).toBe(true);
      await gone;
    });
  }

  it("hangs up on data beyond the window of a program that does not read", async () => {
    const host = await withOne();
    host.program.pause();
    // The kernel's buffers take some of it first.
    for (let offset = 0; !host.ended() && offset < 256 << 20; offset += FORWARD_WINDOW_BYTES) {
      host.socket.write(data(1, offset, FORWARD_WINDOW_BYTES));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => host.ended()).toBe(true);
    expect(agent.child.exitCode).toBeNull();
  });

  it("never sends more than the window, and sends on with credit", async () => {
    const host = await withOne();
    host.program.write(Buffer.alloc(100_000));
    await expect.poll(() => bytesOf(host)).toBe(FORWARD_WINDOW_BYTES);
    host.socket.write(frame(FRAME.ACK, 1, 1000));
    await expect.poll(() => bytesOf(host)).toBe(FORWARD_WINDOW_BYTES + 1000);
    host.socket.write(frame(FRAME.ACK, 1, FORWARD_WINDOW_BYTES + 1000));
    await expect.poll(() => bytesOf(host)).toBe(2 * FORWARD_WINDOW_BYTES + 1000);
    expect(host.ended()).toBe(false);
  });

  it("passes over frames about a connection that closed meanwhile", async () => {
    const host = await withOne();
    host.program.resetAndDestroy();
    await expect.poll(() => host.frames.at(-1)?.type).toBe(FRAME.CLOSED);
    host.socket.write(
      Buffer.concat([data(1, 0, 5), frame(FRAME.EOF, 1, 5), closed(1), encodeFrame(FRAME.PING, 0, Buffer.alloc(8))]),
    );
    await expect.poll(() => host.frames.at(-1)?.type).toBe(FRAME.PONG);
  });

  it("keeps the place of a connection until the host has heard that it closed", async () => {
    const host = await withOne();
    host.program.resetAndDestroy();
    // Not more at a time than the kernel's queue holds.
    for (let i = 0; i < 6; i += 1) {
      const wave = Array.from({ length: 50 }, () => track(connect(agent.ports?.proxy ?? 0, "127.0.0.1")));
      await Promise.all(wave.map((socket) => once(socket, "connect")));
    }
    const opened = () => host.frames.filter(({ type }) => type === FRAME.OPENED).length;
    await expect.poll(opened, { timeout: 10_000 }).toBe(256);
    for (const socket of sockets) if (socket !== host.socket) socket.resetAndDestroy();
    const told = () => host.frames.filter(({ type }) => type === FRAME.CLOSED).length;
    await expect.poll(told, { timeout: 10_000 }).toBe(256);
    expect(opened()).toBe(256);
    host.socket.write(Buffer.concat(Array.from({ length: 10 }, (_, i) => closed(i + 1))));
    await expect.poll(opened).toBe(266);
    host.socket.write(closed(1));
    await expect.poll(() => host.ended()).toBe(true);
  });

  it("answers a closing once, after what came before", async () => {
    const host = await withOne();
    host.socket.write(Buffer.concat([data(1, 0, 5000), closed(1)]));
    let came = 0;
    for await (const piece of host.program) came += piece.length;
    expect(came).toBe(5000);
    await expect.poll(() => host.frames.filter(({ type }) => type === FRAME.CLOSED).length).toBe(1);
    expect(host.frames.at(-1)?.payload.readUInt32LE()).toBe(0);
  });

  it("moves nothing while it is quiet", async () => {
    const host = await withOne();
    host.socket.write(encodeFrame(FRAME.QUIESCE, 0));
    await expect.poll(() => host.frames.at(-1)?.type).toBe(FRAME.QUIESCED);
    host.program.write("later");
    track(connect(agent.ports?.proxy ?? 0, "127.0.0.1"));
    host.socket.write(encodeFrame(FRAME.PING, 0, Buffer.alloc(8)));
    await expect.poll(() => host.frames.at(-1)?.type).toBe(FRAME.PONG);
    expect(bytesOf(host)).toBe(0);
    host.socket.write(encodeFrame(FRAME.RESUME, 0));
    await expect.poll(() => bytesOf(host)).toBe(5);
    await expect.poll(() => host.frames.filter(({ type }) => type === FRAME.OPENED).length).toBe(2);
  });
});
