import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** A name server on this machine's loopback: what is in its table, and "no such name" for the rest. */
export interface NameServer extends AsyncDisposable {
  /** `address:port` */
  readonly at: string;
  /** Names that were asked for, in order. */
  readonly asked: readonly string[];
}

const HEADER = 12;
const A = 1;

/** `names`: IPv4 addresses by name. Source of the format: RFC 1035, section 4. */
export async function startNameServer(names: Readonly<Record<string, string>>): Promise<NameServer> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, { address, port }) => {
    const { name, type, end } = readQuestion(query);
    asked.push(name);
    const found = names[name];
    const answers = found !== undefined && type === A ? [found] : [];
    const head = Buffer.from(query.subarray(0, HEADER));
    head.writeUInt16BE(found === undefined ? 0x8183 : 0x8180, 2);
    head.writeUInt16BE(answers.length, 6);
    head.fill(0, 8, HEADER);
    socket.send(Buffer.concat([head, query.subarray(HEADER, end), ...answers.map(answerOf)]), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    at: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}

function readQuestion(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** Refers to the question's name; its time to live is 0. */
function answerOf(address: string): Buffer {
  const head = Buffer.from([0xc0, HEADER, 0, A, 0, 1, 0, 0, 0, 0, 0, 4]);
  return Buffer.concat([head, Buffer.from(address.split(".").map(Number))]);
}
