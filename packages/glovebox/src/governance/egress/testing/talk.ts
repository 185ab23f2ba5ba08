import { once } from "node:events";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";

/** What came back as text, once the other side ended or `enough` says so. */
export async function readAll(stream: Duplex, enough: (text: string) => boolean = () => false): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const text = () => Buffer.concat(chunks).toString("latin1");
    const done = () => {
      stream.off("data", onData);
      resolve(text());
    };
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      if (enough(text())) done();
    };
    stream.on("data", onData).once("end", done).once("close", done).once("error", done);
  });
}

/** Whether `text` is a whole response with a Content-Length. */
export function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const length = /^content-length: (\d+)$/im.exec(text.slice(0, end))?.[1];
  if (length === undefined)
    return /^transfer-encoding: chunked/im.test(text.slice(0, end)) && text.endsWith("0\r\n\r\n");
  return text.length >= end + 4 + Number(length);
}

/** Sends raw bytes and reads the response to them. */
export async function talk(stream: Duplex, bytes: string | Buffer): Promise<string> {
  const answer = readAll(stream, isWhole);
  stream.write(bytes);
  return answer;
}

/** `CONNECT`, and the first line of the answer. */
export async function tunnel(stream: Duplex, authority: string, head = `Host: ${authority}\r\n`): Promise<string> {
  const answer = readAll(
    stream,
    (text) => text.includes("\r\n\r\n") && (text.startsWith("HTTP/1.1 200") || isWhole(text)),
  );
  stream.write(`CONNECT ${authority} HTTP/1.1\r\n${head}\r\n`);
  return answer;
}

/** TLS on a connection; the error is the result when there is one. */
export async function startTls(stream: Duplex, options: ConnectionOptions): Promise<TLSSocket> {
  const tls = connectTls({ socket: stream as never, ...options });
  const failed = new Promise<never>((_resolve, reject) => {
    tls.once("error", reject);
    tls.once("close", () => reject(new Error("closed")));
  });
  await Promise.race([once(tls, "secureConnect"), failed]);
  failed.catch(() => {});
  tls.on("error", () => {});
  return tls;
}

/** The value of `x-glovebox-egress` in a response. */
export function egressCode(text: string): string | undefined {
  return /^x-glovebox-egress: (\S+)$/im.exec(text)?.[1];
}
