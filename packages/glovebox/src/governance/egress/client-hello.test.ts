import { once } from "node:events";
import { duplexPair } from "node:stream";
import { connect } from "node:tls";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { readClientHello } from "./client-hello.ts";

/** What a real client sends first. */
async function realHello(servername: string | undefined): Promise<Buffer> {
  const [wire, server] = duplexPair();
  const tls = connect({
    socket: wire as never,
    ...(servername === undefined ? {} : { servername }),
    ALPNProtocols: ["h2"],
  });
  tls.on("error", () => {});
  const [first] = (await once(server, "data")) as [Buffer];
  tls.destroy();
  return first;
}

/** One message over records of so many bytes. */
function split(hello: Buffer, size: number): Buffer {
  const body = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

/** A minimal hello with these extensions. */
function make(extensions: [number, number[]][]): Buffer {
  const list = extensions.flatMap(([type, body]) => [
    type >> 8,
    type & 255,
    body.length >> 8,
    body.length & 255,
    ...body,
  ]);
  const body = [
    3,
    3,
    ...new Array<number>(32).fill(7),
    0,
    0,
    2,
    0x13,
    1,
    1,
    0,
    list.length >> 8,
    list.length & 255,
    ...list,
  ];
  const message = [1, 0, body.length >> 8, body.length & 255, ...body];
  return Buffer.from([22, 3, 1, message.length >> 8, message.length & 255, ...message]);
}
const name = (text: string) => {
  const bytes = [...Buffer.from(text)];
  return [0, bytes.length + 3, 0, 0, bytes.length, ...bytes];
};

let hello: Buffer;
beforeAll(async () => {
  hello = await realHello("api.test");
});

describe("a ClientHello", () => {
  it("of a real client names its server", async () => {
    expect(readClientHello(hello)).toEqual({ kind: "hello", serverName: "api.test" });
    expect(readClientHello(await realHello(undefined))).toEqual({ kind: "hello" });
  });

  it("is read however it is split over records, and not before it is whole", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.nat(), (size, cut) => {
        const bytes = split(hello, size);
        expect(readClientHello(bytes)).toEqual({ kind: "hello", serverName: "api.test" });
        expect(readClientHello(bytes.subarray(0, cut % bytes.length))).toEqual({ kind: "more" });
      }),
    );
  });

  it("with encrypted client hello names the outer server", () => {
    expect(
      readClientHello(
        make([
          [0xfe0d, [0, 1, 2, 3]],
          [0, name("outer.test")],
        ]),
      ),
    ).toEqual({ kind: "hello", serverName: "outer.test" });
  });

  it.each([
    ["two server names", make([[0, [0, 10, 0, 0, 2, 97, 98, 0, 0, 2, 99, 100]]])],
    [
      "the extension twice",
      make([
        [0, name("a.test")],
        [0, name("b.test")],
      ]),
    ],
    ["an empty name", make([[0, name("")]])],
    ["a name with a NUL", make([[0, name("a.test\0b")]])],
    ["bytes after the name", make([[0, [...name("a.test"), 0]]])],
    ["another message first", Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0, 22, 3, 1])],
    ["an overlong record", Buffer.from([22, 3, 1, 0xff, 0xff, 1])],
    ["an overlong message", Buffer.from([22, 3, 1, 0, 5, 1, 0xff, 0xff, 0xff, 0])],
  ])("with %s is invalid", (_name, bytes) => {
    expect(readClientHello(bytes)).toMatchObject({ kind: "invalid" });
  });

  it.each([[Buffer.from("GET / HTTP/1.1\r\n")], [Buffer.from([0x80, 0x2e, 1, 3, 1])], [Buffer.from([22, 2, 0])]])(
    "is not %s",
    (bytes) => {
      expect(readClientHello(bytes)).toEqual({ kind: "not_tls" });
    },
  );

  it("never breaks the parser, whatever is changed in it", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 8 }), fc.nat(600), (changes, cut) => {
        const bytes = Buffer.from(hello);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        expect(["more", "not_tls", "invalid", "hello"]).toContain(readClientHello(bytes.subarray(0, cut)).kind);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        (bytes) => void readClientHello(Buffer.from([22, 3, 1, ...bytes])),
      ),
    );
  });
});
