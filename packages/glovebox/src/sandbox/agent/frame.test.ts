import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, encodeOffsetFrame, FRAME, type Frame, MAX_PAYLOAD_BYTES } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { encodeHello, encodeLimits, encodeSignal, encodeSpawn, parseExit, parseNotice, parseProc } from "./messages.ts";
import { ProtocolViolation } from "./protocol-violation.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("the bytes on the wire", () => {
  it("are the documented ones", () => {
    expect(hex(encodeFrame(FRAME.PING, 0, Buffer.alloc(8)))).toBe("080000002200000000000000" + "0000000000000000");
    expect(hex(encodeOffsetFrame(FRAME.DATA, 7, 3, 258, Buffer.from("hi")))).toBe(
      "0a00000013000300" + "07000000" + "0201000000000000" + "6869",
    );
    expect(hex(encodeHello(5n, 262_144))).toBe("0100" + "0100" + "0500000000000000" + "00000400");
    expect(hex(encodeSignal("SIGKILL", "descendants"))).toBe("09000000" + "03000000");
    expect(hex(encodeLimits({ wallMs: 1000, cpuMs: 0.2, graceMs: 3 }))).toBe(
      "e803000000000000" + "0100000000000000" + "03000000",
    );
    const spawn = encodeSpawn({
      flags: 3,
      cwd: "/w",
      argv: ["a", Buffer.from([0xff])],
      env: { K: "v" },
      terminal: { rows: 24, columns: 80 },
      openFiles: 64,
      tag: "t",
    });
    const head = `0300000018005000${"00".repeat(20)}400000000100020001000000`;
    expect(hex(spawn)).toBe(`${head}74${hex(Buffer.from("/w\0a\0"))}ff00${hex(Buffer.from("K=v\0"))}`);
  });

  it("refuse what they cannot carry", () => {
    const base = { flags: 0, cwd: "/", argv: ["x"], env: {} };
    expect(() => encodeSpawn({ ...base, argv: ["a\0b"] })).toThrow("NUL");
    expect(() => encodeSpawn({ ...base, argv: [] })).toThrow("argv");
    expect(() => encodeSpawn({ ...base, tag: "x".repeat(513) })).toThrow("tag");
    expect(() => encodeSpawn({ ...base, env: { A: "x".repeat(MAX_PAYLOAD_BYTES) } })).toThrow("exceed");
    expect(() => encodeFrame(1, 0, Buffer.alloc(MAX_PAYLOAD_BYTES + 1))).toThrow(RangeError);
    expect(() => encodeLimits({ wallMs: Number.POSITIVE_INFINITY })).toThrow("finite");
    expect(() => encodeSignal("SIGNONE" as NodeJS.Signals, "root")).toThrow("unknown signal");
  });
});

const anyFrame = fc.record({
  type: fc.constantFrom(...Object.values(FRAME)),
  flags: fc.nat(3),
  id: fc.nat(),
  payload: fc.uint8Array({ maxLength: 300 }),
});

function decodeInPieces(bytes: Buffer, cuts: readonly number[]): Frame[] {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < edges.length; i += 1) {
    for (const frame of decoder.push(bytes.subarray(edges[i - 1], edges[i]))) {
      frames.push({ ...frame, payload: Buffer.from(frame.payload) });
    }
  }
  return frames;
}

describe("the decoder", () => {
  it("gives the same frames however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 40 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map((f) => encodeFrame(f.type, f.id, f.payload, f.flags)));
        expect(decodeInPieces(bytes, cuts)).toEqual(frames.map((f) => ({ ...f, payload: Buffer.from(f.payload) })));
      }),
      { numRuns: 300 },
    );
  });

  it("survives one byte at a time", () => {
    const bytes = encodeFrame(FRAME.PROC, 9, Buffer.alloc(5000, 7));
    const decoder = new FrameDecoder();
    const frames = [...bytes].flatMap((byte) => [...decoder.push(Buffer.of(byte))]);
    expect(frames.length).toBe(1);
    expect(frames[0]?.payload.length).toBe(5000);
  });

  it("refuses a length that no frame may have as soon as it sees it, and allocates nothing for it", () => {
    for (const [type, length] of [
      [FRAME.DATA, 65_545],
      [FRAME.PROC, MAX_PAYLOAD_BYTES + 1],
      [FRAME.EXIT, 0xffffffff],
    ] as const) {
      const header = Buffer.alloc(12);
      header.writeUInt32LE(length, 0);
      header.writeUInt16LE(type, 4);
      expect(() => [...new FrameDecoder().push(header)]).toThrow(ProtocolViolation);
    }
  });

  it("ends random bytes in frames or a violation, never in anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.array(fc.nat(), { maxLength: 10 }), (bytes, cuts) => {
        try {
          decodeInPieces(Buffer.from(bytes), cuts);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("the payload parsers", () => {
  for (const parse of [parseExit, parseNotice, parseProc]) {
    it(`${parse.name} takes or refuses any bytes, and nothing else happens`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          try {
            parse(Buffer.from(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolViolation);
          }
        }),
        { numRuns: 1000 },
      );
    });
  }

  it("read an exit by signal and by limit", () => {
    const payload = Buffer.alloc(40);
    payload.writeInt32LE(-1, 0);
    payload.writeInt32LE(9, 4);
    payload.writeUInt32LE(2, 8);
    payload.writeBigUInt64LE(1500n, 16);
    payload.writeBigUInt64LE(2n ** 64n - 1n, 24);
    expect(parseExit(payload)).toEqual({
      signal: "SIGKILL",
      limit: "cpu",
      cpuMs: 1.5,
      maxRssKb: Number.MAX_SAFE_INTEGER,
      wallMs: 0,
    });
    payload.writeInt32LE(0, 0);
    expect(() => parseExit(payload)).toThrow(ProtocolViolation);
  });
});
