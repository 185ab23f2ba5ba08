import { pipeline, type Readable, Transform } from "node:stream";
import { createDecoders } from "./decoders.ts";
import { contentEncodings, type HeaderPair, valuesOf, without } from "./headers.ts";
import { elsewhere } from "./outgoing.ts";
import { Refusal } from "./refusal.ts";
import { ForbiddenBytes, ReplaceStream } from "./replacer.ts";
import type { HostSecrets, TextKind } from "./secret-book.ts";

/** A request's body as it will leave. */
export interface OutgoingBody {
  /** With the framing that fits the body. */
  readonly headers: readonly HeaderPair[];
  /** The whole, or streams to pass `source` through, in order. */
  readonly bytes?: Buffer;
  readonly through: readonly Transform[];
}

export interface BodySource {
  readonly stream: Readable;
  readonly hasBody: boolean;
  /** Counts bytes that decompression made; `false` ends the request. */
  readonly count: (bytes: number) => boolean;
}

/** Bodies of a stated length up to this are put together first, so that they leave with a length too; longer ones leave in chunks when a value may go into them. */
const MAX_WHOLE = 1_048_576;

/**
 * Prepares a body. With no secret in the session it is passed as it is. Else it is searched, decompressed if need be (and then sent so); a compression that is
 * not known is refused with `unreadable_body`, a placeholder of another host with `placeholder_elsewhere` (from the streams: {@link ForbiddenBytes}).
 */
export async function prepareBody(
  source: BodySource,
  headers: readonly HeaderPair[],
  secrets: HostSecrets,
  onFound: (needle: string) => void,
): Promise<OutgoingBody> {
  if (!source.hasBody) return { headers, through: [], bytes: Buffer.alloc(0) };
  const matcher = secrets.outgoing(kindOf(headers));
  if (matcher === undefined) return { headers: framed(headers), through: [] };
  const encodings = contentEncodings(headers);
  const decoders = createDecoders(encodings);
  if (decoders === undefined) {
    throw new Refusal(
      "unreadable_body",
      "the body's Content-Encoding is unknown, so that it cannot be searched for placeholders",
    );
  }
  const counter = decoders.length === 0 ? [] : [countStream(source.count)];
  const through = [...decoders, ...counter, new ReplaceStream(matcher, onFound)];
  const plain = decoders.length === 0 ? headers : without(headers, "content-encoding", "content-length");
  if (secrets.bound.length === 0) return { headers: framed(plain), through };
  const length = Number(valuesOf(plain, "content-length")[0] ?? Number.NaN);
  if (!(length <= MAX_WHOLE)) return { headers: framed(without(plain, "content-length")), through };
  const bytes = await gather(source.stream, through);
  return {
    headers: [...without(plain, "content-length"), ["Content-Length", String(bytes.length)]],
    bytes,
    through: [],
  };
}

/** Values are written as the body's type asks for. */
function kindOf(headers: readonly HeaderPair[]): TextKind {
  const type = (valuesOf(headers, "content-type")[0] ?? "").toLowerCase();
  if (type.startsWith("application/x-www-form-urlencoded")) return "url";
  return /^application\/([a-z0-9.+-]+\+)?(json|x-ndjson)\b/.test(type) ? "json" : "raw";
}

function framed(headers: readonly HeaderPair[]): readonly HeaderPair[] {
  return valuesOf(headers, "content-length").length > 0 ? headers : [...headers, ["Transfer-Encoding", "chunked"]];
}

async function gather(source: Readable, through: readonly Transform[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of passThrough(source, through)) chunks.push(chunk);
  } catch (error) {
    if (error instanceof ForbiddenBytes) throw elsewhere();
    throw error;
  }
  return Buffer.concat(chunks);
}

/** `source` through `streams`; an error anywhere is the result's, and destroying the result destroys all. */
export function passThrough(source: Readable, streams: readonly Transform[]): Readable {
  return streams.reduce<Readable>((from, to) => pipeline(from, to, () => {}), source);
}

/** Passes bytes on while `count` takes them. */
export function countStream(count: (bytes: number) => boolean): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (count(chunk.length)) done(null, chunk);
      else done(new Error("no allowance left"));
    },
  });
}
