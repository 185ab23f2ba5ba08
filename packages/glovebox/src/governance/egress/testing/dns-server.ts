import { createSocket } from "node:dgram";
import { once } from "node:events";
import { fromBytes, parseAddress } from "../address.ts";

/** A name server on loopback for tests: A and AAAA, no time to live. */
export interface DnsServer extends AsyncDisposable {
  /** `address:port`. */
  readonly address: string;
  /** What to answer: addresses, or a function that is asked anew each time. Names that are not set do not exist. */
  set(name: string, answer: readonly string[] | (() => readonly string[])): void;
  /** Names that were asked for, in order. */
  readonly asked: string[];
}

export async function startDnsServer(): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const answers = new Map<string, () => readonly string[]>();
  const asked: string[] = [];
  socket.on("message", (query, from) => {
    const { name, end, type } = readQuestion(query);
    asked.push(name);
    const all = answers.get(name)?.();
    const family = type === 1 ? 4 : 6;
    const list = (all ?? [])
      .map((text) => rawAddress(text))
      .filter((bytes) => bytes.length === (family === 4 ? 4 : 16));
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(all === undefined ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(list.length, 6);
    const records = list.map((bytes) => {
      const fixed = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length]);
      return Buffer.concat([fixed, bytes]);
    });
    socket.send(Buffer.concat([header, query.subarray(12, end), ...records]), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    set: (name, answer) => void answers.set(name, typeof answer === "function" ? answer : () => answer),
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** Mapped addresses stay sixteen bytes, as a hostile name server would send them. */
function rawAddress(text: string): Buffer {
  const address = parseAddress(text) ?? fromBytes(new Uint8Array(4));
  if (address.family === 4 && text.includes(":"))
    return Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), address.bytes]);
  return Buffer.from(address.bytes);
}

function readQuestion(query: Buffer): { name: string; end: number; type: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 5, type: query.readUInt16BE(at + 1) };
}
