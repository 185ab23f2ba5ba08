import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeFrame, encodeOffsetFrame, FRAME, type Frame } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { encodeHello, encodeSpawn } from "./messages.ts";
import { shell } from "./process-fixture.ts";
import { type BareAgent, startBareAgent } from "./testing.ts";

/** What the client never says, or not yet: the agent is held to the document by raw frames. */
let agent: BareAgent;
let epoch = 0n;
beforeAll(async () => {
  agent = await startBareAgent({ unprivileged: true });
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

class RawHost implements Disposable {
  readonly frames: Frame[] = [];
  private readonly socket: Socket;
  private readonly decoder = new FrameDecoder();
  ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      for (const frame of this.decoder.push(chunk)) this.frames.push({ ...frame, payload: Buffer.from(frame.payload) });
    });
    socket.on("close", () => {
      this.ended = true;
    });
    socket.on("error", () => {});
  }

  send(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  async until(type: number): Promise<Frame> {
    await expect.poll(() => this.frames.some((frame) => frame.type === type), { interval: 2 }).toBe(true);
    return this.frames.find((frame) => frame.type === type) as Frame;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

async function rawHost(hello = true): Promise<RawHost> {
  const socket = connect(agent.socketPath);
  await once(socket, "connect");
  const host = new RawHost(socket);
  epoch += 1n;
  if (!hello) return host;
  host.send(encodeFrame(FRAME.HELLO, 0, encodeHello(epoch, 262_144)));
  await host.until(FRAME.READY);
  return host;
}

const spawn = (id: number, script: string, flags = 4) =>
  encodeFrame(FRAME.SPAWN, id, encodeSpawn({ ...shell(script), flags }));
const lastText = (host: RawHost) => host.frames.at(-1)?.payload.subarray(4).toString();

describe("the agent", () => {
  it("reads nothing from processes while it is quiet, and goes on afterwards", async () => {
    using host = await rawHost();
    host.send(encodeFrame(FRAME.QUIESCE, 0), spawn(1, "echo late"));
    await host.until(FRAME.QUIESCED);
    await host.until(FRAME.SPAWNED);
    host.send(encodeFrame(FRAME.PING, 0, Buffer.alloc(8, 5)));
    expect((await host.until(FRAME.PONG)).payload).toEqual(Buffer.alloc(8, 5));
    expect(host.frames.some((frame) => frame.type === FRAME.DATA)).toBe(false);
    host.send(encodeFrame(FRAME.RESUME, 0));
    expect((await host.until(FRAME.DATA)).payload.subarray(8).toString()).toBe("late\n");
    await host.until(FRAME.EXIT);
    host.send(encodeFrame(FRAME.FORGET, 1));
  });

  it("takes a clock that it may not set, and goes on", async () => {
    using host = await rawHost();
    const before = Date.now();
    host.send(encodeFrame(FRAME.CLOCK, 0, Buffer.alloc(40, 1)), encodeFrame(FRAME.PING, 0, Buffer.alloc(8)));
    await host.until(FRAME.PONG);
    expect(Math.abs(Date.now() - before)).toBeLessThan(60_000);
  });

  it("turns a start that fails after its host went away into exit 127", async () => {
    const script = encodeFrame(FRAME.SPAWN, 5, encodeSpawn({ ...shell(""), argv: ["/no/such"], flags: 4 }));
    const first = await rawHost();
    first.send(script);
    first[Symbol.dispose]();
    using second = await rawHost();
    const listed = second.frames.filter((frame) => frame.type === FRAME.PROC);
    for (const { id } of listed) second.send(encodeFrame(FRAME.ATTACH, id, Buffer.alloc(24)));
    if (listed.length > 0) expect((await second.until(FRAME.EXIT)).payload.readInt32LE(0)).toBe(127);
    second.send(encodeFrame(FRAME.FORGET, 5));
  });

  it("refuses other versions and impossible windows with a reason", async () => {
    for (const [payload, reason] of [
      [Buffer.from("0900090001000000000000ff00000400", "hex"), "no common version"],
      [encodeHello(2n ** 40n, 100), "window out of range"],
      [encodeHello(2n ** 40n, 0x7fffffff), "window out of range"],
    ] as const) {
      using host = await rawHost(false);
      host.send(encodeFrame(FRAME.HELLO, 0, payload));
      await expect.poll(() => host.ended).toBe(true);
      expect(lastText(host)).toBe(reason);
    }
  });

  const wrong: Readonly<Record<string, Buffer[]>> = {
    "a frame that is too long": [Buffer.from("01000400" + "2200" + "0000" + "00000000", "hex")],
    "an unknown frame": [encodeFrame(99, 0)],
    "a second greeting": [encodeFrame(FRAME.HELLO, 0, encodeHello(99_999n, 262_144))],
    "a process with the id 0": [spawn(0, "true")],
    "an id that is in use": [spawn(7, "sleep 1"), spawn(7, "sleep 1")],
    "unknown flags of a start": [spawn(8, "true", 64)],
    "input that leaves a gap": [spawn(9, "cat", 0), encodeOffsetFrame(FRAME.DATA, 9, 0, 5, Buffer.from("x"))],
    "input beyond the window": [
      spawn(10, "sleep 1", 0),
      ...[0, 1, 2].map((i) => encodeOffsetFrame(FRAME.DATA, 10, 0, i * 65_536, Buffer.alloc(65_536))),
    ],
    "control input without control": [spawn(11, "cat", 0), encodeOffsetFrame(FRAME.DATA, 11, 3, 0, Buffer.from("x"))],
    "an acknowledgement of what was never sent": [spawn(12, "sleep 1"), encodeOffsetFrame(FRAME.ACK, 12, 1, 5)],
    "attaching to what is attached": [spawn(13, "sleep 1"), encodeFrame(FRAME.ATTACH, 13, Buffer.alloc(24))],
    "flags where there are none": [encodeFrame(FRAME.PING, 0, Buffer.alloc(8), 1)],
  };
  for (const [what, frames] of Object.entries(wrong)) {
    it(`ends the connection at ${what}, and listens on`, async () => {
      using host = await rawHost();
      host.send(...frames);
      await expect.poll(() => host.ended).toBe(true);
      expect(host.frames.at(-1)?.type).toBe(FRAME.ERROR);
      using next = await rawHost();
      expect(next.ended).toBe(false);
    });
  }

  it("ignores what concerns processes that it does not hold", async () => {
    using host = await rawHost();
    host.send(
      encodeOffsetFrame(FRAME.ACK, 77, 1, 5),
      encodeOffsetFrame(FRAME.DATA, 77, 0, 5, Buffer.from("x")),
      encodeFrame(FRAME.FORGET, 77),
      encodeFrame(FRAME.ATTACH, 77, Buffer.alloc(24)),
      encodeFrame(FRAME.SIGNAL, 77, Buffer.from([9, 0, 0, 0, 2, 0, 0, 0])),
    );
    expect((await host.until(FRAME.SIGNALLED)).payload.readUInt32LE(0)).toBe(3);
  });
});
